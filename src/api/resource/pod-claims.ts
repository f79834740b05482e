/** Which ResourceClaims a pod uses, and whether they are its own (k8s.io/dynamic-resource-allocation/resourceclaim). */
import { goQuote } from "../go-quote.ts";
import { isControlledBy } from "../meta/owner.ts";
import type { Pod, PodResourceClaim } from "../types/core-v1.gen.ts";
import type { ResourceClaim } from "../types/resource-v1.gen.ts";

/**
 * The object behind a claim of a pod. `missing`: it has still to be made; `unneeded`: none will be. `own`: made for the pod, to
 * which it has to belong.
 */
export type Named = { name: string; own: boolean } | "missing" | "unneeded";

/** Throws for a claim that names neither an object nor a template. */
export function claimObject(pod: Pod, claim: PodResourceClaim): Named {
  if (claim.resourceClaimName !== undefined) return { name: claim.resourceClaimName, own: false };
  const { namespace, name } = pod.metadata;
  if (claim.resourceClaimTemplateName === undefined)
    throw new Error(`pod "${namespace}/${name}", spec.resourceClaim ${goQuote(claim.name)}: none of the supported fields are set`);
  const status = pod.status?.resourceClaimStatuses?.find((one) => one.name === claim.name);
  if (!status) return "missing";
  return status.resourceClaimName === undefined ? "unneeded" : { name: status.resourceClaimName, own: true };
}

/** The object that a pod needs behind a claim, undefined for none, or why there is no telling, in upstream's words. */
export function neededClaim(pod: Pod, claim: PodResourceClaim): { name: string; own: boolean } | string | undefined {
  let named: Named;
  try {
    named = claimObject(pod, claim);
  } catch (error) {
    return (error as Error).message;
  }
  if (named === "missing") return `pod "${pod.metadata.namespace ?? ""}/${pod.metadata.name}": ResourceClaim not created yet`;
  return named === "unneeded" ? undefined : named;
}

/** Why a claim that was made for a pod is not this pod's. */
export function notForPod(pod: Pod, claim: ResourceClaim): string | undefined {
  if (isControlledBy(claim, pod)) return undefined;
  const place = `${claim.metadata.namespace}/${claim.metadata.name}`;
  return `ResourceClaim ${place} was not created for Pod ${pod.metadata.namespace}/${pod.metadata.name} (Pod is not owner)`;
}

export const isReservedFor = (claim: ResourceClaim, pod: Pod): boolean => Boolean(claim.status?.reservedFor?.some(({ uid }) => uid === pod.metadata.uid));
