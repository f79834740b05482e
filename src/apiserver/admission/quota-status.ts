/** Where ResourceQuota stores what it has charged: the cache that the reader reads. */
import { trackUpdate } from "../../api/apply/managed-fields.ts";
import type { JSONObject } from "../../api/json.ts";
import { typeByName } from "../../api/schema/schema.ts";
import { conflict } from "../../api/status.ts";
import { formatTime } from "../../api/time.ts";
import type { ResourceQuota } from "../../api/types/core-v1.gen.ts";
import type { Clock } from "../../base/clock.ts";
import type { ResourceCache } from "../../cache/cache.ts";
import { RevisionMismatchError } from "../../store/store.ts";
import type { ResourceQuotaOptions } from "./resource-quota.ts";

/** Rejects with a Conflict when the quota is not the version that is stored. The server itself manages what it writes. */
export function quotaStatusWriter(quotas: ResourceCache<ResourceQuota>, clock: Clock): ResourceQuotaOptions["updateStatus"] {
  const type = typeByName("core/v1.ResourceQuota");
  return async (quota) => {
    const { namespace = "", name } = quota.metadata;
    const old = (await quotas.get(namespace, name))?.object() as unknown as JSONObject | undefined;
    const operation = { manager: "kube-apiserver", apiVersion: "v1", subresource: "status", time: formatTime(clock.now()), resetFields: ["spec"] };
    const tracked = trackUpdate(type, old, quota as unknown as JSONObject, operation) as unknown as ResourceQuota;
    try {
      await quotas.update(tracked, Number(quota.metadata.resourceVersion));
    } catch (error) {
      if (!(error instanceof RevisionMismatchError)) throw error;
      throw conflict("resourcequotas", quota.metadata.name, "the object has been modified; please apply your changes to the latest version and try again");
    }
  };
}
