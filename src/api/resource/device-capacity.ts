/** What may be asked of the capacity of a device that several share (pkg/apis/resource/validation, validateRequestPolicy). */
import { type FieldError, forbiddenField, invalidValue, type Path, required } from "../field.ts";
import { parseQuantity, type Quantity, zeroQuantity } from "../quantity.ts";
import type { CapacityRequestPolicyRange, DeviceCapacity } from "../types/resource-v1.gen.ts";
import { validateSet } from "./collections.ts";

const maxValues = 10;

/** An empty one comes from protobuf. */
export const quantityOf = (text: string): Quantity => (text ? parseQuantity(text) : zeroQuantity);

function validateValues(fallback: Quantity, capacity: Quantity, values: readonly string[], at: Path): FieldError[] {
  const parsed = values.map(quantityOf);
  const errors = parsed.flatMap((value, i) => {
    const before = parsed[i - 1];
    return before && before.cmp(value) > 0 ? [invalidValue(at.index(i), value.toString(), "values must be sorted in ascending order")] : [];
  });
  const larger = (value: Quantity, here: Path): FieldError[] =>
    value.cmp(capacity) > 0 ? [invalidValue(here, value.toString(), `option is larger than capacity value: ${capacity}`)] : [];
  errors.push(...validateSet(parsed, maxValues, larger, (value) => String(value.value()), at));
  const found = parsed.length <= maxValues && parsed.some((value) => value.cmp(fallback) === 0);
  if (!found) errors.push(invalidValue(at, fallback.toString(), "default value is not valid according to the requestPolicy"));
  return errors;
}

function validateStep(value: Quantity, min: Quantity, step: Quantity, at: Path): FieldError[] {
  const by = step.value();
  if (by !== 0n && (value.value() - min.value()) % by === 0n) return [];
  return [invalidValue(at, value.toString(), `value is not a multiple of a given step (${step}) from (${min})`)];
}
function validateRange(fallback: Quantity, capacity: Quantity, range: CapacityRequestPolicyRange, at: Path): FieldError[] {
  if (range.min === undefined) return [required(at.child("min"), "required when validRange is defined")];
  const min = quantityOf(range.min);
  const errors: FieldError[] = [];
  const check = (wrong: boolean, field: string, value: Quantity, why: string): void => {
    if (wrong) errors.push(invalidValue(at.child(field), value.toString(), why));
  };
  check(min.cmp(capacity) > 0, "min", min, `min is larger than capacity value: ${capacity}`);
  check(fallback.cmp(min) < 0, "min", fallback, `default is less than min: ${min}`);
  const max = range.max === undefined ? undefined : quantityOf(range.max);
  if (max) {
    check(min.cmp(max) > 0, "max", min, `min is larger than max: ${max}`);
    check(max.cmp(capacity) > 0, "max", max, `max is larger than capacity value: ${capacity}`);
    check(fallback.cmp(max) > 0, "max", fallback, `default is more than max: ${max}`);
  }
  if (range.step === undefined) return errors;
  const step = quantityOf(range.step);
  const first = min.add(step);
  check(first.cmp(capacity) > 0, "step", step, `one step ${first} is larger than capacity value: ${capacity}`);
  errors.push(...validateStep(fallback, min, step, at.child("step")));
  if (max) errors.push(...validateStep(max, min, step, at.child("step")));
  return errors;
}

export function validateCapacity({ value, requestPolicy }: DeviceCapacity, shared: boolean, at: Path): FieldError[] {
  if (!requestPolicy) return [];
  const here = at.child("requestPolicy");
  if (!shared) return [forbiddenField(here, "allowMultipleAllocations must be true")];
  const { validValues = [], validRange } = requestPolicy;
  if (validValues.length && validRange)
    return [forbiddenField(here, 'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time')];
  if (!validValues.length && !validRange) return [];
  if (requestPolicy.default === undefined || requestPolicy.default === null)
    return [required(here.child("default"), `required when ${validRange ? "validRange" : "validValues"} is defined`)];
  const [fallback, capacity] = [quantityOf(requestPolicy.default), quantityOf(value)];
  return validRange
    ? validateRange(fallback, capacity, validRange, here.child("validRange"))
    : validateValues(fallback, capacity, validValues, here.child("validValues"));
}
