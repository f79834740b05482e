/** The volume that suits a claim best (k8s.io/component-helpers/storage/volume: FindMatchingVolume). */
import { selectorOf } from "../../api/selectors/labels.ts";
import { parseQuantity } from "../../api/quantity.ts";
import type { PersistentVolume, PersistentVolumeClaim } from "../../api/types/core-v1.gen.ts";
import { type NodeFacts, nodeSelectorTest } from "../framework/node-selector.ts";
import { classOf } from "./pod-claims.ts";

const tests = new WeakMap<PersistentVolume, (node: NodeFacts) => boolean>();
const anywhere = (): boolean => true;

/** Whether a volume can be used on a node. */
export function reaches(volume: PersistentVolume, node: NodeFacts): boolean {
  let test = tests.get(volume);
  if (!test) {
    const required = volume.spec.nodeAffinity?.required;
    test = required ? nodeSelectorTest(required) : anywhere;
    tests.set(volume, test);
  }
  return test(node);
}

const sizeOf = (quantity: string | undefined) => parseQuantity(quantity ?? "0");

function boundTo({ spec: { claimRef } }: PersistentVolume, { metadata: { name, namespace, uid } }: PersistentVolumeClaim): boolean {
  return claimRef?.name === name && claimRef.namespace === namespace && (!claimRef.uid || claimRef.uid === uid);
}

export const requestedSize = (claim: PersistentVolumeClaim) => sizeOf(claim.spec.resources?.requests?.storage);

export function findMatchingVolume(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  node: NodeFacts,
  taken: ReadonlySet<string>,
): PersistentVolume | undefined {
  const wanted = requestedSize(claim);
  const selector = claim.spec.selector && selectorOf(claim.spec.selector);
  let smallest: PersistentVolume | undefined;
  for (const volume of volumes) {
    const { metadata, spec, status } = volume;
    if (taken.has(metadata.name) || (spec.claimRef && !boundTo(volume, claim))) continue;
    const size = sizeOf(spec.capacity?.storage);
    if (size.cmp(wanted) < 0) continue;
    if ((spec.volumeMode ?? "Filesystem") !== (claim.spec.volumeMode ?? "Filesystem")) continue;
    if ((spec.volumeAttributesClassName ?? "") !== (claim.spec.volumeAttributesClassName ?? "")) continue;
    if (metadata.deletionTimestamp) continue;
    if (boundTo(volume, claim)) return reaches(volume, node) ? volume : undefined;
    if (status?.phase !== "Available" || (selector && !selector.matches(metadata.labels))) continue;
    const className = metadata.annotations?.["volume.beta.kubernetes.io/storage-class"] ?? spec.storageClassName ?? "";
    if (className !== classOf(claim) || !reaches(volume, node)) continue;
    if (!(claim.spec.accessModes ?? []).every((mode) => spec.accessModes?.includes(mode))) continue;
    if (!smallest || sizeOf(smallest.spec.capacity?.storage).cmp(size) > 0) smallest = volume;
  }
  return smallest;
}
