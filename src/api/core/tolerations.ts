/** Taints of nodes and tolerations of pods. */
import { duplicate, type FieldError, forbiddenField, invalidValue, notSupported, type Path, required, invalidNamed } from "../field.ts";
import { validateLabelName } from "../meta/labels.ts";
import { isDecimalInteger, isValidLabelValue } from "../names.ts";
import type { Taint, Toleration } from "../types/core-v1.gen.ts";
import { invalidAll, oneOf } from "./checks.ts";
import { semanticEqual } from "./semantic.ts";

const effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

function validateOperator(toleration: Toleration, at: Path, allowComparing: boolean | undefined): FieldError[] {
  const { operator = "", value = "" } = toleration;
  const here = at.child("operator");
  switch (operator) {
    case "":
    case "Equal": {
      const wrong = isValidLabelValue(value);
      return wrong.length ? [invalidValue(here, value, wrong.join(";"))] : [];
    }
    case "Exists":
      return value ? [invalidValue(here, value, "value must be empty when `operator` is 'Exists'")] : [];
    case "Lt":
    case "Gt":
      return allowComparing ? invalidAll(at.child("value"), value, isDecimalInteger(value)) : [notSupported(here, operator, ["Equal", "Exists", "Lt", "Gt"])];
  }
  return [notSupported(here, operator, ["Equal", "Exists"])];
}

export function validateTolerations(tolerations: Toleration[] | undefined, at: Path, options: { allowComparingTolerations?: boolean }): FieldError[] {
  const errors: FieldError[] = [];
  for (const [i, toleration] of (tolerations ?? []).entries()) {
    const here = at.index(i);
    if (toleration.key) errors.push(...validateLabelName(toleration.key, here.child("key")));
    else if (toleration.operator !== "Exists") {
      const why = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
      errors.push(invalidNamed(here.child("operator"), toleration.operator ?? "", why));
    }
    if (toleration.tolerationSeconds !== undefined && toleration.effect !== "NoExecute")
      errors.push(invalidNamed(here.child("effect"), toleration.effect ?? "", "effect must be 'NoExecute' when `tolerationSeconds` is set"));
    errors.push(...validateOperator(toleration, here, options.allowComparingTolerations));
    if (toleration.effect) errors.push(...oneOf(toleration.effect, effects, here.child("effect")));
  }
  return errors;
}

/** Tolerations of a pod may be added; of those it has, only the seconds may change. */
export function validateOnlyAddedTolerations(
  tolerations: Toleration[] | undefined,
  old: Toleration[] | undefined,
  at: Path,
  options: { allowComparingTolerations?: boolean },
): FieldError[] {
  for (const before of old ?? []) {
    const kept = (tolerations ?? []).some((now) => semanticEqual({ ...before, tolerationSeconds: now.tolerationSeconds }, now));
    if (!kept) return [forbiddenField(at, "existing toleration can not be modified except its tolerationSeconds")];
  }
  return validateTolerations(tolerations, at, options);
}

export function validateTaints(taints: Taint[] | undefined, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [i, taint] of (taints ?? []).entries()) {
    const here = at.index(i);
    const { key = "", value = "", effect = "" } = taint;
    errors.push(...validateLabelName(key, here.child("key")));
    const wrong = isValidLabelValue(value);
    if (wrong.length) errors.push(invalidValue(here.child("value"), value, wrong.join(";")));
    errors.push(...(effect ? oneOf(effect, effects, here.child("effect")) : [required(here.child("effect"))]));
    const pair = `${effect}:${key}`;
    if (seen.has(pair)) {
      const error = duplicate(here, { Key: key, Value: value, Effect: effect, TimeAdded: taint.timeAdded ?? null });
      errors.push({ ...error, body: `${error.body}: taints must be unique by key and effect pair` });
    }
    seen.add(pair);
  }
  return errors;
}
