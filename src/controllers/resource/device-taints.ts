/** When a pod has to leave the devices that were allocated for it because they are tainted (pkg/controller/devicetainteviction). Pure. */
import { parseTime } from "../../api/time.ts";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import type { DeviceRequestAllocationResult, DeviceTaint, DeviceToleration, ResourceClaim, ResourceSlice } from "../../api/types/resource-v1.gen.ts";
import { claimObject, isReservedFor, notForPod } from "../../api/resource/pod-claims.ts";

export interface Devices {
  claim(namespace: string, name: string): ResourceClaim | undefined;
  /** All slices of a driver's pool. */
  slices(driver: string, pool: string): readonly ResourceSlice[];
}

/** The taints of a device, as the newest generation of its pool has it. */
function taintsOf({ driver, pool, device }: DeviceRequestAllocationResult, devices: Devices): DeviceTaint[] {
  const slices = devices.slices(driver, pool);
  const newest = Math.max(...slices.map(({ spec }) => spec.pool.generation));
  const found = slices
    .filter(({ spec }) => spec.pool.generation === newest)
    .flatMap(({ spec }) => spec.devices ?? [])
    .find(({ name }) => name === device);
  return (found?.taints ?? []).filter(({ effect }) => effect === "NoExecute");
}

function tolerates({ key, operator, value = "", effect }: DeviceToleration, taint: DeviceTaint): boolean {
  if (effect !== "NoExecute" || (key && key !== taint.key)) return false;
  return operator === "Exists" || ((!operator || operator === "Equal") && value === (taint.value ?? ""));
}

/** Milliseconds since the epoch at which pods that use the claim must be gone. */
export function claimDeadline(claim: ResourceClaim, devices: Devices): number | undefined {
  const times = (claim.status?.allocation?.devices?.results ?? []).flatMap((result) =>
    taintsOf(result, devices).flatMap((taint) => {
      const tolerations = (result.tolerations ?? []).filter((one) => tolerates(one, taint));
      if (tolerations.some(({ tolerationSeconds }) => tolerationSeconds === undefined)) return [];
      const seconds = tolerations.map(({ tolerationSeconds = 0 }) => Math.max(0, tolerationSeconds));
      return [parseTime(taint.timeAdded ?? "1970-01-01T00:00:00Z") + (seconds.length ? Math.min(...seconds) * 1000 : 0)];
    }),
  );
  return times.length ? Math.min(...times) : undefined;
}

/** The same for a pod, over all claims that are reserved for it; a pod that is not bound uses none. */
export function podDeadline(pod: Pod, devices: Devices): number | undefined {
  if (!pod.spec.nodeName) return undefined;
  const times = (pod.spec.resourceClaims ?? []).flatMap((one) => {
    if (one.resourceClaimName === undefined && one.resourceClaimTemplateName === undefined) return [];
    const found = claimObject(pod, one);
    const claim = typeof found === "string" ? undefined : devices.claim(pod.metadata.namespace ?? "", found.name);
    if (!claim || typeof found === "string" || (found.own && notForPod(pod, claim)) || !isReservedFor(claim, pod)) return [];
    const time = claimDeadline(claim, devices);
    return time === undefined ? [] : [time];
  });
  return times.length ? Math.min(...times) : undefined;
}
