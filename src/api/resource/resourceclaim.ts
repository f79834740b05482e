/** ResourceClaims (pkg/registry/resource/resourceclaim). */
import { validateImmutable } from "../apps/workload.ts";
import { internalForm } from "../core/internal-types.ts";
import { age, validateMetadata, validateMetadataUpdate } from "../core/object-meta.ts";
import { path } from "../field.ts";
import type { Kind } from "../kind.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import { resetMetadata } from "../meta/status-update.ts";
import type { ResourceClaim } from "../types/resource-v1.gen.ts";
import { deviceKey, validateClaimStatus } from "./claim-status.ts";
import { defaultDeviceClaim, defaultTolerations, validateDeviceClaim } from "./device-claim.ts";

const rules = { namespaced: true, validateName: nameIsDNSSubdomain };

function stateOf({ metadata, status }: ResourceClaim): string {
  const states = metadata.deletionTimestamp ? ["deleted"] : status?.allocation ? [] : ["pending"];
  if (status?.allocation) states.push("allocated", ...(status.reservedFor?.length ? ["reserved"] : []));
  return states.join(",");
}

/** What drivers said of devices that are no longer allocated goes with them. */
function dropDeallocated(claim: ResourceClaim, old: ResourceClaim): void {
  const { status } = claim;
  if (!status.devices) return;
  const kept = new Set((status.allocation?.devices?.results ?? []).map(deviceKey));
  const gone = new Set((old.status?.allocation?.devices?.results ?? []).map(deviceKey).filter((key) => !kept.has(key)));
  status.devices = status.devices.filter((device) => !gone.has(deviceKey(device)));
  if (status.devices.length === 0) delete status.devices;
}

export const resourceClaimKind: Kind<ResourceClaim> = {
  resource: "resourceclaims.resource.k8s.io",
  setDefaults({ spec, status }) {
    defaultDeviceClaim(spec.devices ?? {});
    for (const { tolerations } of status?.allocation?.devices?.results ?? []) defaultTolerations(tolerations);
  },
  validate: (item) => [...validateMetadata(item.metadata, rules), ...validateDeviceClaim(item.spec.devices ?? {}, path("spec", "devices"))],
  validateUpdate: (item, old) => [
    ...validateMetadata(item.metadata, rules),
    ...validateMetadataUpdate(item.metadata, old.metadata),
    ...validateImmutable(item.spec, old.spec, path("spec"), internalForm("ResourceClaimSpec", item.spec)),
  ],
  subresources: {
    status: {
      prepareForUpdate(item, old) {
        item.spec = old.spec;
        item.status ??= {};
        resetMetadata(item.metadata, old.metadata);
        dropDeallocated(item, old);
      },
      validateUpdate: (item, old) => [...validateMetadataUpdate(item.metadata, old.metadata), ...validateClaimStatus(item, old)],
    },
  },
  cells: (item, now) => [item.metadata.name, stateOf(item), age(item, now)],
};
