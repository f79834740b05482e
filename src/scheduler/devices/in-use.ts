/** Which devices claims hold (dynamicresources/allocateddevices.go). */
import { quantityOf } from "../../api/resource/device-capacity.ts";
import type { AllocationResult } from "../../api/types/resource-v1.gen.ts";
import { type Amounts, sumOf } from "./capacity.ts";

export interface DevicesInUse {
  /** Held whole, by `driver/pool/device`. */
  readonly whole: ReadonlySet<string>;
  /** Held in shares, with what all of these take. */
  readonly shared: ReadonlyMap<string, Amounts>;
}

/** Those who administrate devices hold none. */
export function devicesInUse(allocations: Iterable<AllocationResult>): DevicesInUse {
  const whole = new Set<string>();
  const shared = new Map<string, Amounts>();
  for (const { devices } of allocations) {
    for (const { driver, pool, device, adminAccess, shareID, consumedCapacity = {} } of devices.results ?? []) {
      if (adminAccess) continue;
      const id = `${driver}/${pool}/${device}`;
      if (shareID === undefined) whole.add(id);
      else shared.set(id, sumOf(shared.get(id), new Map(Object.entries(consumedCapacity).map(([name, amount]) => [name, quantityOf(amount)]))));
    }
  }
  return { whole, shared };
}
