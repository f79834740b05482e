/** Which ResourceClaims a pod uses, and whether they are its own (k8s.io/dynamic-resource-allocation/resourceclaim). Pure. */
import { controllerOf, isControlledBy } from "../../api/meta/owner.ts";
import type { Pod, PodResourceClaim } from "../../api/types/core-v1.gen.ts";
import type { ResourceClaim } from "../../api/types/resource-v1.gen.ts";
import { isFinished } from "../runtime/pods.ts";

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
    throw new Error(`pod "${namespace}/${name}", spec.resourceClaim ${JSON.stringify(claim.name)}: none of the supported fields are set`);
  const status = pod.status?.resourceClaimStatuses?.find((one) => one.name === claim.name);
  if (!status) return "missing";
  return status.resourceClaimName === undefined ? "unneeded" : { name: status.resourceClaimName, own: true };
}

/** The names of the objects that are known, those that the scheduler makes for extended resources included. */
export function claimNames(pod: Pod): string[] {
  const named = (pod.spec.resourceClaims ?? []).flatMap((claim) => {
    const found = claim.resourceClaimName ?? pod.status?.resourceClaimStatuses?.find(({ name }) => name === claim.name)?.resourceClaimName;
    return found ? [found] : [];
  });
  const extended = pod.status?.extendedResourceClaimStatus?.resourceClaimName;
  return [...new Set(extended ? [...named, extended] : named)];
}

/** Why a claim that was made for a pod is not this pod's. */
export function notForPod(pod: Pod, claim: ResourceClaim): string | undefined {
  if (isControlledBy(claim, pod)) return undefined;
  const place = `${claim.metadata.namespace}/${claim.metadata.name}`;
  return `ResourceClaim ${place} was not created for Pod ${pod.metadata.namespace}/${pod.metadata.name} (Pod is not owner)`;
}

export const isReservedFor = (claim: ResourceClaim, pod: Pod): boolean => Boolean(claim.status?.reservedFor?.some(({ uid }) => uid === pod.metadata.uid));

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
