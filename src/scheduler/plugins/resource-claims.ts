/** The ResourceClaims that a pod uses. */
import { neededClaim, notForPod } from "../../api/resource/pod-claims.ts";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import type { ResourceClaim } from "../../api/types/resource-v1.gen.ts";
import type { DeviceBinder } from "../framework/device-plan.ts";

/** Why the pod cannot use them yet, in upstream's words; those that it needs where it can. */
export function usableResourceClaims(pod: Pod, devices: Pick<DeviceBinder, "claim">): ResourceClaim[] | string {
  const { namespace = "" } = pod.metadata;
  const claims: ResourceClaim[] = [];
  for (const one of pod.spec.resourceClaims ?? []) {
    const named = neededClaim(pod, one);
    if (typeof named === "string") return named;
    if (!named) continue;
    const claim = devices.claim(namespace, named.name);
    if (!claim) return `resourceclaim.resource.k8s.io ${JSON.stringify(named.name)} not found`;
    if (claim.metadata.deletionTimestamp) return `resourceclaim ${JSON.stringify(named.name)} is being deleted`;
    const foreign = named.own ? notForPod(pod, claim) : undefined;
    if (foreign) return foreign;
    claims.push(claim);
  }
  return claims;
}
