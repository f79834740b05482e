/** Shares of devices: how much of a capacity a request takes (dynamic-resource-allocation, consumable_capacity.go). */
import { Quantity } from "../../api/quantity.ts";
import { quantityOf } from "../../api/resource/device-capacity.ts";
import type { CapacityRequestPolicy, CapacityRequirements, Device, DeviceCapacity } from "../../api/types/resource-v1.gen.ts";

/** Of one device, by the capacity's name. */
export type Amounts = ReadonlyMap<string, Quantity>;

const rangeStep = (min: string | undefined): bigint => (min === undefined ? 0n : quantityOf(min).value());

/** Up to the next amount that the device gives. */
function rounded(requested: Quantity, { validRange, validValues }: CapacityRequestPolicy): Quantity {
  if (validRange?.min !== undefined) {
    const min = quantityOf(validRange.min);
    if (requested.cmp(min) < 0) return min;
    if (validRange.step === undefined) return requested;
    const [from, step] = [min.value(), quantityOf(validRange.step).value()];
    const above = requested.value() - from;
    return new Quantity(from + step * (above / step + (above % step === 0n ? 0n : 1n)), 0, "BinarySI");
  }
  for (const text of validValues ?? []) {
    const value = quantityOf(text);
    if (requested.cmp(value) <= 0) return value;
  }
  return requested;
}

function consumed(requested: string | undefined, { value, requestPolicy }: DeviceCapacity): Quantity {
  if (requested === undefined) return quantityOf(requestPolicy?.default ?? value);
  const quantity = quantityOf(requested);
  return requestPolicy ? rounded(quantity, requestPolicy) : quantity;
}

function violates(amount: Quantity, policy: CapacityRequestPolicy | undefined): boolean {
  if (!policy) return false;
  const { validRange, validValues } = policy;
  if (policy.default !== undefined && amount.cmp(quantityOf(policy.default)) === 0) return false;
  if (validRange) {
    if (validRange.max !== undefined && amount.cmp(quantityOf(validRange.max)) > 0) return true;
    return validRange.step !== undefined && (amount.value() - rangeStep(validRange.min)) % quantityOf(validRange.step).value() !== 0n;
  }
  return Boolean(validValues?.length) && !validValues?.some((value) => amount.cmp(quantityOf(value)) === 0);
}

/** What a share takes of each capacity. */
export function shareOf({ capacity = {} }: Device, wanted: CapacityRequirements | undefined): Amounts {
  return new Map(Object.entries(capacity).map(([name, entry]) => [name, consumed(wanted?.requests?.[name], entry)]));
}

/** Whether the device has as much on top of what others have of it. */
export function hasCapacity({ capacity = {} }: Device, wanted: CapacityRequirements | undefined, taken: readonly (Amounts | undefined)[]): boolean {
  for (const name of Object.keys(wanted?.requests ?? {})) if (capacity[name] === undefined) return false;
  for (const [name, entry] of Object.entries(capacity)) {
    let sum = consumed(wanted?.requests?.[name], entry);
    if (violates(sum, entry.requestPolicy)) return false;
    for (const amounts of taken) sum = sum.add(amounts?.get(name) ?? new Quantity(0n));
    if (sum.cmp(quantityOf(entry.value)) > 0) return false;
  }
  return true;
}

export function sumOf(a: Amounts | undefined, b: Amounts): Amounts {
  const sum = new Map(a);
  for (const [name, amount] of b) sum.set(name, sum.get(name)?.add(amount) ?? amount);
  return sum;
}
