/** Which ResourceClaims a pod uses, and whether they are its own (k8s.io/dynamic-resource-allocation/resourceclaim). Pure. */
import { controllerOf } from "../../api/meta/owner.ts";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import type { ResourceClaim } from "../../api/types/resource-v1.gen.ts";
import { isFinished } from "../runtime/pods.ts";

/** The names of the objects that are known, those that the scheduler makes for extended resources included. */
export function claimNames(pod: Pod): string[] {
  const named = (pod.spec.resourceClaims ?? []).flatMap((claim) => {
    const found = claim.resourceClaimName ?? pod.status?.resourceClaimStatuses?.find(({ name }) => name === claim.name)?.resourceClaimName;
    return found ? [found] : [];
  });
  const extended = pod.status?.extendedResourceClaimStatus?.resourceClaimName;
  return [...new Set(extended ? [...named, extended] : named)];
}

/** None of its containers runs or ever will. */
export const isDone = (pod: Pod): boolean => isFinished(pod) || (pod.metadata.deletionTimestamp !== undefined && !pod.spec.nodeName);

/** The pod for which the claim was made. */
export function owningPod(claim: ResourceClaim): { name: string; uid: string } | undefined {
  const owner = controllerOf(claim);
  return owner?.kind === "Pod" && owner.apiVersion === "v1" ? owner : undefined;
}

/** A hyphen and five characters of the server's have to fit into 63. */
const maxBase = 57;

export function generateName(pod: string, claim: string): string {
  const whole = `${pod}-${claim}-`;
  if (whole.length <= maxBase) return whole;
  const part = (text: string, of: number): string => text.slice(0, Math.floor((text.length * maxBase) / of));
  return `${part(pod, whole.length)}-${part(claim, whole.length)}`;
}
