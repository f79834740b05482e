/** A CSI volume, inline in the pod or persistent, in one form. */
import type { CSIPersistentVolumeSource } from "../../../api/types/core-v1.gen.ts";
import type { VolumeSpec } from "../plugin.ts";
import { inlineHandle } from "./volume-data.ts";

export interface CsiSource {
  driver: string;
  handle: string;
  inline: boolean;
  readOnly: boolean;
  fsType: string;
  attributes: Readonly<Record<string, string>>;
  mountOptions: readonly string[];
  accessModes: readonly string[];
  /** The first, as upstream maps them. */
  accessMode: string;
  publishSecret?: { namespace?: string; name?: string };
  /** Of a persistent volume. */
  persistent?: CSIPersistentVolumeSource;
}

export function csiSource(spec: VolumeSpec, pod: { uid: string; namespace?: string }): CsiSource {
  const { volume, persistent, name } = spec;
  if (persistent?.spec.csi) {
    const { csi, accessModes = [], mountOptions = [] } = persistent.spec;
    return {
      driver: csi.driver,
      handle: csi.volumeHandle,
      inline: false,
      readOnly: spec.readOnly,
      fsType: csi.fsType ?? "",
      attributes: csi.volumeAttributes ?? {},
      mountOptions,
      accessModes,
      accessMode: accessModes[0] ?? "ReadWriteOnce",
      ...(csi.nodePublishSecretRef ? { publishSecret: csi.nodePublishSecretRef } : {}),
      persistent: csi,
    };
  }
  if (!volume.csi) throw new Error("volume source not found in volume.Spec");
  const { csi } = volume;
  return {
    driver: csi.driver,
    handle: inlineHandle(pod.uid, name),
    inline: true,
    readOnly: csi.readOnly ?? false,
    fsType: csi.fsType ?? "",
    attributes: csi.volumeAttributes ?? {},
    mountOptions: [],
    accessModes: ["ReadWriteOnce"],
    accessMode: "ReadWriteOnce",
    ...(csi.nodePublishSecretRef ? { publishSecret: { namespace: pod.namespace ?? "", name: csi.nodePublishSecretRef.name ?? "" } } : {}),
  };
}
