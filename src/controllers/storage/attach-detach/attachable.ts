/** Which volumes of a pod are attached to its node first (pkg/controller/volume/attachdetach/util, pkg/volume/{csi,fc,iscsi}). Pure. */
import { createHash } from "node:crypto";
import { isControlledBy } from "../../../api/meta/owner.ts";
import type { ContainerStatus, PersistentVolume, PersistentVolumeClaim, PersistentVolumeSpec, Pod, Volume } from "../../../api/types/core-v1.gen.ts";

export interface Attachable {
  /** The name by which kubelets know it: `<plugin>/<volume>`. */
  unique: string;
  /** The name by which people know it: the persistent volume's, or the pod's own for a volume. */
  title: string;
  /** May be attached to several nodes at once. */
  multiAttach: boolean;
  /** Absent: nothing has to be done by anybody to attach it. */
  csi?: { driver: string; handle: string; volume: string };
}

export interface Lookup {
  claim(namespace: string, name: string): PersistentVolumeClaim | undefined;
  volume(name: string): PersistentVolume | undefined;
  /** By the CSIDriver; a driver without one attaches. */
  attaches(driver: string): boolean;
}

export const csiName = (driver: string, handle: string): string => `kubernetes.io/csi/${driver}^${handle}`;
/** The driver and its name for a volume; undefined for volumes of other plugins. */
export function splitCsiName(unique: string): { driver: string; handle: string } | undefined {
  const [driver, handle, ...more] = unique.startsWith("kubernetes.io/csi/") ? unique.slice("kubernetes.io/csi/".length).split("^") : [];
  return driver !== undefined && handle !== undefined && !more.length ? { driver, handle } : undefined;
}

/** The name of the VolumeAttachment, known to every CSI driver's sidecars. */
export const attachmentName = (handle: string, driver: string, node: string): string =>
  `csi-${createHash("sha256").update(`${handle}${driver}${node}`).digest("hex")}`;

const shared = ["ReadWriteMany", "ReadOnlyMany"];

export function attachableVolume(volume: PersistentVolume, attaches: Lookup["attaches"]): Attachable | undefined {
  const { accessModes, csi } = volume.spec;
  const { name } = volume.metadata;
  const common = { title: name, multiAttach: !accessModes?.length || accessModes.some((mode) => shared.includes(mode)) };
  if (csi) {
    const { driver, volumeHandle: handle } = csi;
    return attaches(driver) ? { unique: csiName(driver, handle), ...common, csi: { driver, handle, volume: name } } : undefined;
  }
  const unique = localName(volume.spec);
  return unique === undefined ? undefined : { unique, ...common };
}

/** Fibre Channel and iSCSI: the node reaches them by itself, and is only told that it may. */
function localName({ fc, iscsi }: Pick<PersistentVolumeSpec | Volume, "fc" | "iscsi">): string | undefined {
  if (fc?.targetWWNs?.length && fc.lun !== undefined) return `kubernetes.io/fc/[${fc.targetWWNs.join(" ")}]:${fc.lun}`;
  if (fc?.wwids?.length) return `kubernetes.io/fc/[${fc.wwids.join(" ")}]`;
  return iscsi && `kubernetes.io/iscsi/${iscsi.targetPortal}:${iscsi.iqn}:${iscsi.lun}`;
}

/** Of the pod's volumes those that can be told already: claims must be bound. */
export function attachablesOf(pod: Pod, { claim, volume, attaches }: Lookup): Attachable[] {
  const namespace = pod.metadata.namespace ?? "";
  return (pod.spec.volumes ?? []).flatMap((one) => {
    const name = one.ephemeral ? `${pod.metadata.name}-${one.name}` : one.persistentVolumeClaim?.claimName;
    if (!name) {
      const unique = localName(one);
      return unique === undefined ? [] : [{ unique, title: one.name, multiAttach: true }];
    }
    const bound = claim(namespace, name);
    if (bound?.status?.phase !== "Bound" || !bound.spec.volumeName || (one.ephemeral && !isControlledBy(bound, pod))) return [];
    const found = volume(bound.spec.volumeName);
    if (found?.spec.claimRef?.uid !== bound.metadata.uid) return [];
    const attachable = attachableVolume(found, attaches);
    return attachable ? [attachable] : [];
  });
}

const stopped = (statuses: readonly ContainerStatus[] | undefined): boolean =>
  (statuses ?? []).every(({ state }) => Boolean(state?.terminated) || Boolean(state?.waiting));

/** A pod that needs its volumes no more. */
export function isTerminated({ metadata, status }: Pod): boolean {
  if (status?.phase === "Failed" || status?.phase === "Succeeded") return true;
  return (
    metadata.deletionTimestamp !== undefined &&
    stopped(status?.initContainerStatuses) &&
    stopped(status?.containerStatuses) &&
    stopped(status?.ephemeralContainerStatuses)
  );
}
