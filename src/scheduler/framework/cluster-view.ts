/** What plugins read besides nodes and assigned pods. Cached; never waits. */
import type { Namespace, Pod, PersistentVolume, PersistentVolumeClaim } from "../../api/types/core-v1.gen.ts";
import type { PodDisruptionBudget } from "../../api/types/policy-v1.gen.ts";
import type { CSIDriver, CSINode, CSIStorageCapacity, StorageClass, VolumeAttachment } from "../../api/types/storage-v1.gen.ts";
import type { LabelSelector } from "../../api/selectors/labels.ts";
import type { ImageSpread } from "../cache/images.ts";
import type { PodIndex } from "../cache/pod-index.ts";
import type { DeviceBinder } from "./device-plan.ts";
import type { VolumeBinder } from "./volume-plan.ts";

export interface ClusterView {
  readonly pods: PodIndex;
  readonly images: ImageSpread;
  readonly volumes: VolumeBinder;
  readonly devices: DeviceBinder;
  namespaceLabels(name: string): Readonly<Record<string, string>> | undefined;
  namespaces(): readonly Namespace[];
  pvc(namespace: string, name: string): PersistentVolumeClaim | undefined;
  pv(name: string): PersistentVolume | undefined;
  pvs(): readonly PersistentVolume[];
  storageClass(name: string): StorageClass | undefined;
  csiNode(name: string): CSINode | undefined;
  csiDriver(name: string): CSIDriver | undefined;
  csiCapacities(): readonly CSIStorageCapacity[];
  volumeAttachments(node: string): readonly VolumeAttachment[];
  budgets(namespace: string): readonly PodDisruptionBudget[];
  /** Changes when a budget does. */
  budgetsVersion(): string;
  /** What the services and owners of a pod select, for the spreading that applies by default; undefined where nothing does. */
  defaultSelector(pod: Pod): LabelSelector | undefined;
}
