/** A CSI driver attaches so many volumes to a node and no more. In-tree volumes that have moved to CSI are not counted. */
import type { PersistentVolumeClaim, Pod } from "../../api/types/core-v1.gen.ts";
import type { ClusterView } from "../framework/cluster-view.ts";
import { action } from "../framework/events.ts";
import { type Plugin, rejection } from "../framework/plugin.ts";
import { claimsOf, classOf } from "./pod-claims.ts";

const name = "NodeVolumeLimits";
const full = rejection(name, true, "node(s) exceed max volume count");

/** Driver and volume; for a claim without a volume yet, something that stands for it. */
function volumeOf(claim: PersistentVolumeClaim, cluster: ClusterView): readonly [driver: string, handle: string] | undefined {
  const volume = claim.spec.volumeName ? cluster.pv(claim.spec.volumeName) : undefined;
  if (volume) return volume.spec.csi && [volume.spec.csi.driver, volume.spec.csi.volumeHandle];
  const driver = cluster.storageClass(classOf(claim))?.provisioner;
  return driver ? [driver, `${claim.metadata.namespace}/${claim.metadata.name}`] : undefined;
}

/** Driver by unique name of the volume. */
function collect(pod: Pod, cluster: ClusterView, into: Map<string, string>): void {
  for (const use of claimsOf(pod)) {
    const claim = cluster.pvc(pod.metadata.namespace ?? "", use.name);
    const volume = claim && volumeOf(claim, cluster);
    if (volume) into.set(volume.join("/"), volume[0]);
  }
}

export const nodeVolumeLimits: Plugin = {
  name,
  wakes: [
    { source: "CSINode", actions: action.add | action.updateOther },
    { source: "AssignedPod", actions: action.delete, hint: (_, { old }) => claimsOf(old as Pod).length > 0 },
    {
      source: "PersistentVolumeClaim",
      actions: action.add,
      hint: (pod, { object }) => object?.metadata.namespace === pod.metadata.namespace && claimsOf(pod).some((claim) => claim.name === object?.metadata.name),
    },
    { source: "VolumeAttachment", actions: action.delete },
  ],
  filter({ pod, cluster }) {
    if (!claimsOf(pod.pod).length) return "skip";
    const wanted = new Map<string, string>();
    collect(pod.pod, cluster, wanted);
    if (!wanted.size) return {};
    return {
      check({ rows }, row) {
        const node = rows[row]!;
        const limits = new Map<string, number>();
        for (const { name: driver, allocatable } of cluster.csiNode(node.name)?.spec.drivers ?? []) {
          if (allocatable?.count !== undefined) limits.set(driver, allocatable.count);
        }
        if (!limits.size) return undefined;
        const attached = new Map<string, string>();
        for (const info of node.pods.values()) collect(info.pod, cluster, attached);
        const counts = new Map<string, number>();
        for (const [volume, driver] of wanted) if (!attached.has(volume)) counts.set(driver, (counts.get(driver) ?? 0) + 1);
        for (const { spec } of cluster.volumeAttachments(node.name)) {
          const handle = spec.source.persistentVolumeName && cluster.pv(spec.source.persistentVolumeName)?.spec.csi?.volumeHandle;
          if (handle) attached.set(`${spec.attacher}/${handle}`, spec.attacher);
        }
        const used = new Map<string, number>();
        for (const driver of attached.values()) used.set(driver, (used.get(driver) ?? 0) + 1);
        for (const [driver, count] of counts) {
          const limit = limits.get(driver);
          if (limit !== undefined && (used.get(driver) ?? 0) + count > limit) return full;
        }
        return undefined;
      },
    };
  },
};
