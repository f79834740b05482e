/** The claims that a pod's volumes use. */
import type { PersistentVolumeClaim, Pod } from "../../api/types/core-v1.gen.ts";
import type { ClusterView } from "../framework/cluster-view.ts";
import type { ClusterEvent } from "../framework/events.ts";

export interface ClaimUse {
  readonly name: string;
  /** Made for the pod by the ephemeral volume controller. */
  readonly ephemeral: boolean;
}

const none: readonly ClaimUse[] = [];

export function claimsOf(pod: Pod): readonly ClaimUse[] {
  let uses: ClaimUse[] | undefined;
  for (const { name, persistentVolumeClaim, ephemeral } of pod.spec.volumes ?? []) {
    if (!persistentVolumeClaim && !ephemeral) continue;
    uses ??= [];
    uses.push(persistentVolumeClaim ? { name: persistentVolumeClaim.claimName, ephemeral: false } : { name: `${pod.metadata.name}-${name}`, ephemeral: true });
  }
  return uses ?? none;
}

/** Those that somebody else made; not the ephemeral ones. */
export const namedClaims = (pod: Pod): readonly ClaimUse[] => claimsOf(pod).filter(({ ephemeral }) => !ephemeral);

/** A hint: the event is about a claim of the pod. */
export const isOfPod =
  (claims: (pod: Pod) => readonly ClaimUse[]) =>
  (pod: Pod, { object }: ClusterEvent): boolean =>
    object?.metadata.namespace === pod.metadata.namespace && claims(pod).some(({ name }) => name === object?.metadata.name);

/** Upstream's words for a claim that has the name of a pod's ephemeral one and is another's. */
export function foreignClaim(pod: Pod, name: string): string {
  const { namespace } = pod.metadata;
  return `PVC ${namespace}/${name} was not created for pod ${namespace}/${pod.metadata.name} (pod is not owner)`;
}

export const isOwnedBy = ({ metadata }: PersistentVolumeClaim, pod: Pod): boolean =>
  metadata.ownerReferences?.find(({ controller }) => controller)?.uid === pod.metadata.uid;

/** Why the pod cannot use its claims, in upstream's words; the claims where it can. */
export function usableClaims(pod: Pod, cluster: ClusterView): PersistentVolumeClaim[] | string {
  const claims: PersistentVolumeClaim[] = [];
  for (const { name, ephemeral } of claimsOf(pod)) {
    const claim = cluster.pvc(pod.metadata.namespace ?? "", name);
    if (!claim) {
      return ephemeral
        ? `waiting for ephemeral volume controller to create the persistentvolumeclaim ${JSON.stringify(name)}`
        : `persistentvolumeclaim ${JSON.stringify(name)} not found`;
    }
    if (claim.status?.phase === "Lost") {
      return `persistentvolumeclaim ${JSON.stringify(name)} bound to non-existent persistentvolume ${JSON.stringify(claim.spec.volumeName ?? "")}`;
    }
    if (claim.metadata.deletionTimestamp) return `persistentvolumeclaim ${JSON.stringify(name)} is being deleted`;
    if (ephemeral && !isOwnedBy(claim, pod)) return foreignClaim(pod, name);
    claims.push(claim);
  }
  return claims;
}

/** The annotation of old counts before the field. */
export const classOf = ({ metadata, spec }: PersistentVolumeClaim): string =>
  metadata.annotations?.["volume.beta.kubernetes.io/storage-class"] ?? spec.storageClassName ?? "";

export const isBound = ({ metadata, spec }: PersistentVolumeClaim): boolean =>
  Boolean(spec.volumeName) && metadata.annotations?.["pv.kubernetes.io/bind-completed"] !== undefined;
