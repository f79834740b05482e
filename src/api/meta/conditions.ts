/** metav1.Condition and the look-alikes that kinds have: finding, setting, validating. */
import { duplicate, type FieldError, invalidValue, notSupported, type Path, required, tooLong } from "../field.ts";
import { longerThan, regexError } from "../names.ts";
import type { Condition } from "../types/meta-v1.gen.ts";
import { validateLabelName } from "./labels.ts";

export interface ConditionLike {
  type: string;
  status: string;
}

export const findCondition = <C extends ConditionLike>(conditions: readonly C[] | undefined, type: string): C | undefined =>
  conditions?.find((c) => c.type === type);
export const isConditionTrue = (conditions: readonly ConditionLike[] | undefined, type: string): boolean => findCondition(conditions, type)?.status === "True";

/**
 * The list with the condition set, as k8s.io/apimachinery/pkg/api/meta.SetStatusCondition does: lastTransitionTime
 * changes with the status only. `now` is RFC 3339. Returns the list itself when nothing changes.
 */
export function setCondition(conditions: readonly Condition[] | undefined, next: Omit<Condition, "lastTransitionTime">, now: string): Condition[] {
  const list = (conditions ?? []) as Condition[];
  const old = findCondition(list, next.type);
  if (!old) return [...list, { ...next, lastTransitionTime: now }];
  const same =
    old.status === next.status &&
    old.reason === next.reason &&
    old.message === next.message &&
    (old.observedGeneration ?? 0) === (next.observedGeneration ?? 0);
  if (same) return list;
  const lastTransitionTime = old.status === next.status ? old.lastTransitionTime : now;
  return list.map((c) => (c === old ? { ...next, lastTransitionTime } : c));
}

export function validateConditions(conditions: readonly Condition[] | undefined, path: Path): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [i, condition] of (conditions ?? []).entries()) {
    if (seen.has(condition.type)) errors.push(duplicate(path.index(i).child("type"), condition.type));
    seen.add(condition.type);
    errors.push(...validateCondition(condition, path.index(i)));
  }
  return errors;
}

const reasonFormat = "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?";
const reasonRegexp = new RegExp(`^${reasonFormat}$`);
const reasonError = regexError(
  "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'",
  reasonFormat,
  "my_name",
  "MY_NAME",
  "MyName",
  "ReasonA,ReasonB",
  "ReasonA:ReasonB",
);

export function validateCondition(condition: Condition, path: Path): FieldError[] {
  const errors = validateLabelName(condition.type ?? "", path.child("type"));
  const statuses = ["False", "True", "Unknown"];
  if (!statuses.includes(condition.status)) errors.push(notSupported(path.child("status"), condition.status ?? "", statuses));
  if ((condition.observedGeneration ?? 0) < 0)
    errors.push(invalidValue(path.child("observedGeneration"), condition.observedGeneration, "must be greater than or equal to zero"));
  if (!condition.lastTransitionTime) errors.push(required(path.child("lastTransitionTime")));
  if (!condition.reason) errors.push(required(path.child("reason")));
  else {
    if (!reasonRegexp.test(condition.reason)) errors.push(invalidValue(path.child("reason"), condition.reason, reasonError));
    if (longerThan(condition.reason, 1024)) errors.push(tooLong(path.child("reason"), 1024));
  }
  if (longerThan(condition.message ?? "", 32 * 1024)) errors.push(tooLong(path.child("message"), 32 * 1024));
  return errors;
}
