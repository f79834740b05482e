/** Validation of labels and label selectors (k8s.io/apimachinery/pkg/apis/meta/v1/validation). */
import { type FieldError, forbiddenField, invalidNamed, invalidValue, type Path, required } from "../field.ts";
import { isQualifiedName, isValidLabelValue } from "../names.ts";
import type { LabelSelector, LabelSelectorRequirement } from "../types/meta-v1.gen.ts";

export const validateLabelName = (name: string, path: Path): FieldError[] => isQualifiedName(name).map((message) => invalidValue(path, name, message));

/** In the order of the keys; upstream's is random. */
export function validateLabels(labels: Record<string, string>, path: Path): FieldError[] {
  const errors: FieldError[] = [];
  for (const key in labels) {
    const value = labels[key] as string;
    for (const message of isQualifiedName(key)) errors.push(invalidValue(path, key, message));
    for (const message of isValidLabelValue(value)) errors.push(invalidValue(path, value, message));
  }
  return errors;
}

export interface LabelSelectorOptions {
  /** For updates of objects that hold such values already. */
  allowInvalidLabelValue?: boolean;
  /** For reviews, which must answer for what they cannot interpret. */
  allowUnknownOperator?: boolean;
}

export function validateLabelSelector(selector: LabelSelector | undefined, options: LabelSelectorOptions, path: Path): FieldError[] {
  if (!selector) return [];
  const errors = selector.matchLabels ? validateLabels(selector.matchLabels, path.child("matchLabels")) : [];
  for (const [i, requirement] of (selector.matchExpressions ?? []).entries())
    errors.push(...validateLabelSelectorRequirement(requirement, options, path.child("matchExpressions").index(i)));
  return errors;
}

export function validateLabelSelectorRequirement(requirement: LabelSelectorRequirement, options: LabelSelectorOptions, path: Path): FieldError[] {
  const errors: FieldError[] = [];
  const { key = "", operator = "", values = [] } = requirement;
  if (operator === "In" || operator === "NotIn") {
    if (!values.length) errors.push(required(path.child("values"), "must be specified when `operator` is 'In' or 'NotIn'"));
  } else if (operator === "Exists" || operator === "DoesNotExist") {
    if (values.length) errors.push(forbiddenField(path.child("values"), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
  } else if (!options.allowUnknownOperator) errors.push(invalidNamed(path.child("operator"), operator, "not a valid selector operator"));
  errors.push(...validateLabelName(key, path.child("key")));
  if (!options.allowInvalidLabelValue)
    for (const [i, value] of values.entries())
      for (const message of isValidLabelValue(value)) errors.push(invalidValue(path.child("values").index(i), value, message));
  return errors;
}

/** Whether an existing selector has values that are no longer accepted in new ones. */
export const hasInvalidLabelValue = (selector: LabelSelector | undefined): boolean =>
  (selector?.matchExpressions ?? []).some((e) => (e.values ?? []).some((value) => isValidLabelValue(value).length > 0));
