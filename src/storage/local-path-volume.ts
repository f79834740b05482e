/** What a claim of a local-path class gets, and what it cannot have. Pure. */
import type { Draft } from "../api/object.ts";
import { quantityToNumber } from "../api/quantity.ts";
import type { PersistentVolume, PersistentVolumeClaim } from "../api/types/core-v1.gen.ts";
import type { StorageClass } from "../api/types/storage-v1.gen.ts";

export const provisionerName = "k8ts.dev/local-path";
/** Keeps the object until its directory is dealt with (sig-storage-lib-external-provisioner's). */
export const volumeFinalizer = "external-provisioner.volume.kubernetes.io/finalizer";
const provisionedBy = "pv.kubernetes.io/provisioned-by";
const selectedNode = "volume.kubernetes.io/selected-node";
const storageProvisioner = "volume.kubernetes.io/storage-provisioner";
const hostname = "kubernetes.io/hostname";

export const volumeName = (claim: PersistentVolumeClaim): string => `pvc-${claim.metadata.uid}`;
const isVolumeName = /^pvc-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Whether the claim waits for this node to make its volume. */
export function waitsForUs(claim: PersistentVolumeClaim, storageClass: StorageClass, node: string): boolean {
  const annotations = claim.metadata.annotations ?? {};
  if (claim.metadata.deletionTimestamp || claim.spec.volumeName || claim.status?.phase !== "Pending") return false;
  if (storageClass.provisioner !== provisionerName || annotations[storageProvisioner] !== provisionerName) return false;
  return annotations[selectedNode] === node || (storageClass.volumeBindingMode !== "WaitForFirstConsumer" && !annotations[selectedNode]);
}

/** Why the claim cannot be served; undefined when it can. */
export function whyNot(claim: PersistentVolumeClaim, storageClass: StorageClass): string | undefined {
  const { spec } = claim;
  const [parameter] = Object.keys(storageClass.parameters ?? {});
  if (parameter !== undefined) return `the StorageClass has the parameter ${JSON.stringify(parameter)}, and ${provisionerName} has none`;
  if (storageClass.mountOptions?.length) return "the StorageClass has mount options, and a directory is not mounted";
  if (spec.volumeMode === "Block") return "a directory is no block device: use volumeMode Filesystem";
  const mode = spec.accessModes?.find((m) => m !== "ReadWriteOnce" && m !== "ReadWriteOncePod");
  if (mode !== undefined) return `access mode ${mode} is not possible with a directory of one node: use ReadWriteOnce or ReadWriteOncePod`;
  if (spec.selector) return "claim.Spec.Selector is not supported";
  if (spec.dataSource || spec.dataSourceRef) return "a directory cannot be filled from a data source";
  return undefined;
}

export function volumeFor(claim: PersistentVolumeClaim, storageClass: StorageClass, node: string, path: string): Draft<PersistentVolume> {
  const { name, namespace, uid, resourceVersion } = claim.metadata;
  return {
    metadata: { name: volumeName(claim), annotations: { [provisionedBy]: provisionerName }, finalizers: [volumeFinalizer] },
    spec: {
      capacity: { storage: String(claim.spec.resources?.requests?.storage) },
      accessModes: claim.spec.accessModes ?? [],
      claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace, name, uid, resourceVersion },
      persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? "Delete",
      storageClassName: storageClass.metadata.name,
      volumeMode: "Filesystem",
      local: { path },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: hostname, operator: "In", values: [node] }] }] } },
    },
  };
}

/** Whether the volume is a directory that was made below `root` on the node with this hostname. What others wrote is not believed. */
export function isOurs(volume: PersistentVolume, node: string, root: string): boolean {
  const { name, annotations } = volume.metadata;
  const [term, ...others] = volume.spec.nodeAffinity?.required?.nodeSelectorTerms ?? [];
  const values = term?.matchExpressions?.find((e) => e.key === hostname && e.operator === "In")?.values;
  return (
    annotations?.[provisionedBy] === provisionerName &&
    others.length === 0 &&
    values?.length === 1 &&
    values[0] === node &&
    isVolumeName.test(name) &&
    volume.spec.local?.path === `${root}/${name}`
  );
}

/** Of a volume of ours that nobody has any more: whether its directory goes with it. */
export function fate(volume: PersistentVolume): "keep" | "delete" | "let go" {
  const unclaimed = volume.status?.phase === "Released" || volume.status?.phase === "Failed";
  if (volume.spec.persistentVolumeReclaimPolicy === "Delete" && unclaimed) return "delete";
  if (volume.metadata.deletionTimestamp && volume.metadata.finalizers?.includes(volumeFinalizer) && volume.status?.phase !== "Bound") return "let go";
  return "keep";
}

/** The size that the claim asks for beyond what its volume has. */
export function wantedSize(claim: PersistentVolumeClaim, volume: PersistentVolume): string | undefined {
  const wanted = claim.spec.resources?.requests?.storage;
  if (claim.spec.volumeName !== volume.metadata.name || claim.status?.phase !== "Bound" || wanted === undefined) return undefined;
  const has = Math.min(quantityToNumber(volume.spec.capacity?.storage ?? 0), quantityToNumber(claim.status.capacity?.storage ?? 0));
  return quantityToNumber(wanted) > has ? String(wanted) : undefined;
}
