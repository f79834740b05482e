/** What the binder and the attacher tell of the volumes that there are (pkg/controller/volume/persistentvolume/metrics, attachdetach/metrics). */
import type { PersistentVolume, PersistentVolumeClaim } from "../../api/types/core-v1.gen.ts";
import { countBy, type Measures } from "../runtime/measures.ts";

const csi = (driver: string): string => `kubernetes.io/csi:${driver}`;

/** Of the plugin that the binder has for a volume. */
export function pluginOfVolume({ spec }: PersistentVolume): string {
  if (spec.csi) return csi(spec.csi.driver);
  if (spec.hostPath) return "kubernetes.io/host-path";
  if (spec.nfs) return "kubernetes.io/nfs";
  return spec.local ? "kubernetes.io/local-volume" : "N/A";
}

/** Of the plugin in an attachable volume's unique name. */
export function pluginInName(unique: string): string {
  const [domain, plugin, rest = ""] = unique.split("/");
  return plugin === "csi" ? csi(rest.slice(0, rest.indexOf("^"))) : `${domain}/${plugin}`;
}

export function measureVolumes(measures: Measures, volumes: () => Iterable<PersistentVolume>, claims: () => Iterable<PersistentVolumeClaim>): void {
  const ofClass = ["storage_class"];
  const ofClaim = ["namespace", "storage_class", "volume_attributes_class"];
  measures.gauge("pv_collector_total_pv_count", "[ALPHA] Gauge measuring total number of persistent volumes", ["plugin_name", "volume_mode"], () =>
    countBy(volumes(), (volume) => [pluginOfVolume(volume), volume.spec.volumeMode ?? "Filesystem"]),
  );
  for (const [word, bound] of [
    ["bound", true],
    ["unbound", false],
  ] as const) {
    measures.gauge(`pv_collector_${word}_pv_count`, `[ALPHA] Gauge measuring number of persistent volume currently ${word}`, ofClass, () =>
      countBy(volumes(), ({ spec, status }) => ((status?.phase === "Bound") === bound ? [spec.storageClassName ?? ""] : undefined)),
    );
    measures.gauge(`pv_collector_${word}_pvc_count`, `[ALPHA] Gauge measuring number of persistent volume claim currently ${word}`, ofClaim, () =>
      countBy(claims(), ({ metadata, spec, status }) =>
        (status?.phase === "Bound") === bound
          ? [metadata.namespace ?? "", spec.storageClassName ?? "", status?.currentVolumeAttributesClassName ?? ""]
          : undefined,
      ),
    );
  }
}

/** What it returns is told of claims that are given the default class. */
export function measureClasses(measures: Measures): (succeeded: boolean) => void {
  const of = "retroactive StorageClass assignments to persistent volume claim";
  const done = measures.counter("retroactive_storageclass_total", `[ALPHA] Total number of ${of}`);
  const failed = measures.counter("retroactive_storageclass_errors_total", `[ALPHA] Total number of failed ${of}`);
  return (succeeded) => (succeeded ? done : failed).inc();
}

interface Places {
  /** Volumes' unique names, once for each node. */
  wanted(): Iterable<string>;
  present(): Iterable<string>;
  /** Once for each pod. */
  used(): Iterable<readonly [node: string, unique: string]>;
}

/** What it returns is told of detachments without the node's consent. */
export function measureAttachments(measures: Measures, places: Places): (reason: "timeout" | "out-of-service") => void {
  measures.gauge("attachdetach_controller_total_volumes", "[ALPHA] Number of volumes in A/D Controller", ["plugin_name", "state"], () => [
    ...countBy(places.wanted(), (unique) => [pluginInName(unique), "desired_state_of_world"]),
    ...countBy(places.present(), (unique) => [pluginInName(unique), "actual_state_of_world"]),
  ]);
  measures.gauge("storage_count_attachable_volumes_in_use", "[ALPHA] Measure number of volumes in use", ["node", "volume_plugin"], () =>
    countBy(places.used(), ([node, unique]) => [node, pluginInName(unique)]),
  );
  const forced = measures.counter(
    "attach_detach_controller_attachdetach_controller_forced_detaches",
    "[ALPHA] Number of times the A/D Controller performed a forced detach",
    ["reason"],
  );
  return (reason) => forced.inc(reason);
}
