/** Where ResourceQuota stores what it has charged: the cache that the reader reads. */
import { conflict } from "../../api/status.ts";
import type { ResourceQuota } from "../../api/types/core-v1.gen.ts";
import type { ResourceCache } from "../../cache/cache.ts";
import { RevisionMismatchError } from "../../store/store.ts";
import type { ResourceQuotaOptions } from "./resource-quota.ts";

/** Rejects with a Conflict when the quota is not the version that is stored. */
export function quotaStatusWriter(quotas: ResourceCache<ResourceQuota>): ResourceQuotaOptions["updateStatus"] {
  return async (quota) => {
    try {
      await quotas.update(quota, Number(quota.metadata.resourceVersion));
    } catch (error) {
      if (!(error instanceof RevisionMismatchError)) throw error;
      throw conflict("resourcequotas", quota.metadata.name, "the object has been modified; please apply your changes to the latest version and try again");
    }
  };
}
