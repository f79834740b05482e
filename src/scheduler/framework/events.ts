/** What happens in a cluster, as far as it may let a pod be scheduled (k8s.io/kube-scheduler/framework events). */
import type { KubeObject } from "../../api/object.ts";

/** Bits, so that a plugin names several at once. */
export const action = {
  add: 1,
  delete: 2,
  updateAllocatable: 4,
  updateLabel: 8,
  updateTaint: 16,
  updateCondition: 32,
  updateAnnotation: 64,
  updatePodLabel: 128,
  updatePodScaleDown: 256,
  updatePodTolerations: 512,
  updatePodGates: 1024,
  updateOther: 2048,
  updatePodGeneratedResourceClaim: 4096,
  updateNodeDeclaredFeature: 8192,
} as const;

export type EventSource =
  | "AssignedPod"
  | "TargetPod"
  | "UnscheduledPod"
  | "Node"
  | "PersistentVolume"
  | "PersistentVolumeClaim"
  | "StorageClass"
  | "CSINode"
  | "CSIDriver"
  | "CSIStorageCapacity"
  | "VolumeAttachment"
  | "Namespace"
  | "ResourceClaim"
  | "DeviceClass"
  | "ResourceSlice";

export interface ClusterEvent {
  source: EventSource;
  actions: number;
  old?: KubeObject;
  object?: KubeObject;
}

/** Upstream's words for single actions, in the order of their bits. */
const actionNames = [
  "Add",
  "Delete",
  "UpdateNodeAllocatable",
  "UpdateNodeLabel",
  "UpdateNodeTaint",
  "UpdateNodeCondition",
  "UpdateNodeAnnotation",
  "UpdatePodLabel",
  "UpdatePodScaleDown",
  "UpdatePodToleration",
  "UpdatePodSchedulingGatesEliminated",
  "Update",
  "UpdatePodGeneratedResourceClaim",
  "UpdateNodeDeclaredFeature",
] as const;
const labels = new Map<string, string>();

/** As upstream names the event in its metrics: `NodeAdd`, `AssignedPodDelete`. Of several actions at once the first. */
export function labelOf({ source, actions }: Pick<ClusterEvent, "source" | "actions">): string {
  const key = `${source} ${actions}`;
  let label = labels.get(key);
  if (label === undefined) {
    const resource = source === "TargetPod" || source === "UnscheduledPod" ? "UnschedulablePod" : source;
    label = `${resource}${actionNames[31 - Math.clz32(actions & -actions)] ?? ""}`;
    labels.set(key, label);
  }
  return label;
}
