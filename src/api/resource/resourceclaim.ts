/** ResourceClaims: known, and refused as long as neither scheduler nor kubelet allocate devices. */
import { age } from "../core/object-meta.ts";
import type { Kind } from "../kind.ts";
import type { ResourceClaim } from "../types/resource-v1.gen.ts";

function stateOf({ metadata, status }: ResourceClaim): string {
  const states = metadata.deletionTimestamp ? ["deleted"] : status?.allocation ? [] : ["pending"];
  if (status?.allocation) states.push("allocated", ...(status.reservedFor?.length ? ["reserved"] : []));
  return states.join(",");
}

export const resourceClaimKind: Kind<ResourceClaim> = {
  resource: "resourceclaims.resource.k8s.io",
  refused: "devices are not allocated by this cluster yet",
  cells: (item, now) => [item.metadata.name, stateOf(item), age(item, now)],
};
