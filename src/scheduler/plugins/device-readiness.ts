/** Whether devices that were given out are ready to be used, or never will be (KEP-5007). */
import { findCondition, isConditionTrue } from "../../api/meta/conditions.ts";
import type { ResourceClaim } from "../../api/types/resource-v1.gen.ts";

/** Throws where a device cannot be used any more; true once all are ready. */
export function readiness({ status, metadata }: ResourceClaim): boolean {
  return (status.allocation?.devices.results ?? []).every(({ driver, pool, device, bindingConditions = [], bindingFailureConditions = [] }) => {
    if (!bindingConditions.length) return true;
    const told = status.devices?.find((one) => one.device === device && one.driver === driver && one.pool === pool);
    for (const type of told ? bindingFailureConditions : []) {
      const failed = findCondition(told?.conditions, type);
      if (failed?.status !== "True") continue;
      const why = `claim=${metadata.name}, reason=${failed.reason}, message=${JSON.stringify(failed.message)}`;
      throw new Error(`device binding failed: ${why}`);
    }
    return Boolean(told) && bindingConditions.every((type) => isConditionTrue(told?.conditions, type));
  });
}

export const waitsForDevices = ({ status }: ResourceClaim): boolean =>
  Boolean(status.allocation?.devices.results?.some(({ bindingConditions }) => bindingConditions?.length));

/** `timeout` in milliseconds, `now` in milliseconds since the epoch. */
export function isOverdue(claim: ResourceClaim, timeout: number, now: number): boolean {
  const since = claim.status.allocation?.allocationTimestamp;
  return since !== undefined && waitsForDevices(claim) && Date.parse(since) + timeout < now;
}

export function isLost(claim: ResourceClaim, timeout: number, now: number): boolean {
  if (!claim.status?.allocation) return false;
  try {
    return !readiness(claim) && isOverdue(claim, timeout, now);
  } catch {
    return true;
  }
}
