/** Devices of claims (pkg/kubelet/cm/dra): no driver can register here yet, so nothing that needs one is started. */
import { isReservedFor, neededClaim, notForPod } from "../api/resource/pod-claims.ts";
import type { Pod } from "../api/types/core-v1.gen.ts";
import type { ResourceClaim } from "../api/types/resource-v1.gen.ts";

/** Why the pod's claims cannot be used, in upstream's words; undefined where none of them has devices. */
export async function unpreparedClaims(pod: Pod, claimOf: (namespace: string, name: string) => Promise<ResourceClaim>): Promise<string | undefined> {
  const { namespace = "", name, uid } = pod.metadata;
  for (const one of pod.spec.resourceClaims ?? []) {
    const named = neededClaim(pod, one);
    if (typeof named === "string") return named;
    if (!named) continue;
    let claim: ResourceClaim;
    try {
      claim = await claimOf(namespace, named.name);
    } catch (error) {
      return `fetch ResourceClaim ${named.name}: ${(error as Error).message}`;
    }
    const foreign = named.own ? notForPod(pod, claim) : undefined;
    if (foreign) return foreign;
    if (!isReservedFor(claim, pod)) return `pod ${name} (${uid}) is not allowed to use ResourceClaim ${named.name} (${claim.metadata.uid})`;
    if (!claim.status.allocation) return `ResourceClaim ${named.name}: not allocated`;
    const [device] = claim.status.allocation.devices.results ?? [];
    if (device) return `DRA driver ${device.driver} is not registered`;
  }
  return undefined;
}
