/** Taints of devices and what tolerates them (pkg/apis/resource/validation). */
import { type FieldError, invalidValue, notSupported, type Path, required } from "../field.ts";
import { validateLabelName } from "../meta/labels.ts";
import { isValidLabelValue } from "../names.ts";
import type { DeviceTaint, DeviceToleration } from "../types/resource-v1.gen.ts";

const effects = ["NoExecute", "NoSchedule", "None"];
const labelValue = (value: string, at: Path): FieldError[] => isValidLabelValue(value).map((message) => invalidValue(at, value, message));

export function validateDeviceTaint({ key, value, effect }: DeviceTaint, at: Path): FieldError[] {
  const errors = [...validateLabelName(key, at.child("key")), ...(value ? labelValue(value, at.child("value")) : [])];
  if (!effect) errors.push(required(at.child("effect")));
  else if (!effects.includes(effect)) errors.push(notSupported(at.child("effect"), effect, effects));
  return errors;
}

export function validateDeviceToleration({ key, operator, value = "", effect }: DeviceToleration, at: Path): FieldError[] {
  const errors = key ? validateLabelName(key, at.child("key")) : [];
  if (operator === "Exists") {
    if (value) errors.push(invalidValue(at.child("value"), value, "must be empty for operator `Exists`"));
  } else if (operator === "Equal") errors.push(...labelValue(value, at.child("value")));
  else if (!operator) errors.push(required(at.child("operator")));
  else errors.push(notSupported(at.child("operator"), operator, ["Equal", "Exists"]));
  if (effect && !effects.includes(effect)) errors.push(notSupported(at.child("effect"), effect, effects));
  return errors;
}
