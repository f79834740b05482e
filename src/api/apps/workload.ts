/** What validation of all kinds that hold a pod template and a selector shares (pkg/apis/apps/validation). */
import { fieldImmutableMessage, validateNonNegative } from "../core/checks.ts";
import { semanticEqual } from "../core/semantic.ts";
import { type FieldError, forbiddenField, invalidNamed, invalidValue, notSupported, type Path, required } from "../field.ts";
import { type IntOrString, intValue } from "../intstr.ts";
import { validateLabelSelector } from "../meta/labels.ts";
import { isValidPercent } from "../names.ts";
import { type LabelSelector as CompiledSelector, SelectorError, selectorOf } from "../selectors/labels.ts";
import type { PodTemplateSpec } from "../types/core-v1.gen.ts";
import type { LabelSelector } from "../types/meta-v1.gen.ts";

/** undefined for a selector that is not valid; the absent one selects nothing. */
export function compiledSelector(selector: LabelSelector | undefined): CompiledSelector | undefined {
  try {
    return selectorOf(selector);
  } catch (error) {
    if (error instanceof SelectorError) return undefined;
    throw error;
  }
}

export const selectsNothingInParticular = (selector: LabelSelector): boolean =>
  Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions?.length ?? 0) === 0;

/** A selector that must be there and name something. `what`: the kind as the message about an empty one calls it. */
export function validateRequiredSelector(selector: LabelSelector | undefined, what: string, at: Path): FieldError[] {
  if (!selector) return [required(at)];
  const errors = validateLabelSelector(selector, {}, at);
  if (selectsNothingInParticular(selector)) errors.push(invalidValue(at, selector, `empty selector is invalid for ${what}`));
  return errors;
}

export const selectorMismatch = (template: PodTemplateSpec, at: Path): FieldError =>
  invalidValue(at.child("metadata", "labels"), template.metadata?.labels ?? null, "`selector` does not match template `labels`");

/** Controllers that keep pods running: their pods restart always and have no deadline. `what`: the kind's name. */
export function validateLongRunning(template: PodTemplateSpec, what: string, at: Path): FieldError[] {
  const { restartPolicy = "", activeDeadlineSeconds } = template.spec;
  const errors: FieldError[] = [];
  if (restartPolicy !== "Always") errors.push(notSupported(at.child("spec", "restartPolicy"), restartPolicy, ["Always"]));
  if (activeDeadlineSeconds !== undefined)
    errors.push(forbiddenField(at.child("spec", "activeDeadlineSeconds"), `activeDeadlineSeconds in ${what} is not Supported`));
  return errors;
}

export const validatePositiveIntOrPercent = (value: IntOrString, at: Path): FieldError[] =>
  typeof value === "number" ? validateNonNegative(value, at) : isValidPercent(value).map((message) => invalidNamed(at, value, message));

const isPercent = (value: IntOrString): value is string => typeof value === "string" && isValidPercent(value).length === 0;

/** The number, or the number before the percent sign. */
export const intOrPercentValue = (value: IntOrString): number => (isPercent(value) ? Number(value.slice(0, -1)) : intValue(value));

export const validateAtMostAll = (value: IntOrString, at: Path): FieldError[] =>
  isPercent(value) && Number(value.slice(0, -1)) > 100 ? [invalidValue(at, value, "must not be greater than 100%")] : [];

export const validateImmutable = (value: unknown, old: unknown, at: Path, shown: unknown = value): FieldError[] =>
  semanticEqual(value, old) ? [] : [invalidValue(at, shown ?? null, fieldImmutableMessage)];

export const nonNegativeFields = <S extends object>(status: S, fields: readonly (keyof S & string)[], at: Path): FieldError[] =>
  fields.flatMap((field) => validateNonNegative(status[field] as number | undefined, at.child(field)));

/** `fields` that are greater than `limit`. */
export const notAbove = <S extends object>(status: S, fields: readonly (keyof S & string)[], limit: number | undefined, why: string, at: Path): FieldError[] =>
  fields.flatMap((field) => {
    const value = (status[field] as number | undefined) ?? 0;
    return value > (limit ?? 0) ? [invalidValue(at.child(field), value, why)] : [];
  });

export const validateCollisionCount = (count: number | undefined, old: number | undefined, at: Path): FieldError[] =>
  old !== undefined && (count === undefined || count < old) ? [invalidValue(at.child("collisionCount"), count ?? 0, "cannot be decremented")] : [];
