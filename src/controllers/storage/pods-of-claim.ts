/** Which pods use a claim: those that name it, and those it was made for (generic ephemeral volumes). */
import type { PersistentVolumeClaim, Pod } from "../../api/types/core-v1.gen.ts";
import { controllerOf } from "../../api/meta/owner.ts";

/** Index of a pod informer: `namespace/claim`. */
export const byClaim = "claim";
export const claimIndex = { [byClaim]: (pod: Pod): string[] => claimNames(pod).map((name) => `${pod.metadata.namespace}/${name}`) };

export const claimNames = (pod: Pod): string[] =>
  (pod.spec.volumes ?? []).flatMap(({ name, persistentVolumeClaim, ephemeral }) => {
    if (persistentVolumeClaim) return [persistentVolumeClaim.claimName];
    return ephemeral ? [`${pod.metadata.name}-${name}`] : [];
  });

/** Whether what the pod does keeps the claim from being deleted. Pure. */
export function keepsClaim(pod: Pod, claim: PersistentVolumeClaim): boolean {
  if (!pod.spec.nodeName) return false;
  const stopped = pod.metadata.deletionTimestamp !== undefined && pod.metadata.deletionGracePeriodSeconds === 0;
  return (pod.spec.volumes ?? []).some(({ name, persistentVolumeClaim, ephemeral }) => {
    if (persistentVolumeClaim) return persistentVolumeClaim.claimName === claim.metadata.name;
    const own = ephemeral && `${pod.metadata.name}-${name}` === claim.metadata.name && controllerOf(claim)?.uid === pod.metadata.uid;
    return Boolean(own) && !stopped;
  });
}
