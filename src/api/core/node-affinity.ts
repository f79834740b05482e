/** Selection of nodes: requirements, terms, selectors. */
import { type FieldError, forbiddenField, invalidNamed, invalidValue, type Path, required } from "../field.ts";
import { validateLabelName } from "../meta/labels.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import { isValidLabelValue } from "../names.ts";
import type { NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm } from "../types/core-v1.gen.ts";
import { invalidAll } from "./checks.ts";

function validateRequirement(requirement: NodeSelectorRequirement, allowInvalidValue: boolean, at: Path): FieldError[] {
  const { key = "", operator = "", values = [] } = requirement;
  const errors: FieldError[] = [];
  const here = at.child("values");
  if (operator === "In" || operator === "NotIn") {
    if (!values.length) errors.push(required(here, "must be specified when `operator` is 'In' or 'NotIn'"));
  } else if (operator === "Exists" || operator === "DoesNotExist") {
    if (values.length) errors.push(forbiddenField(here, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
  } else if (operator === "Gt" || operator === "Lt") {
    if (values.length !== 1) errors.push(required(here, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
  } else errors.push(invalidNamed(at.child("operator"), operator, "not a valid selector operator"));
  errors.push(...validateLabelName(key, at.child("key")));
  if (!allowInvalidValue) for (const [i, value] of values.entries()) errors.push(...invalidAll(here.index(i), value, isValidLabelValue(value)));
  return errors;
}

function validateFieldRequirement(requirement: NodeSelectorRequirement, at: Path): FieldError[] {
  const { key = "", operator = "", values = [] } = requirement;
  const errors: FieldError[] = [];
  if (operator !== "In" && operator !== "NotIn") errors.push(invalidNamed(at.child("operator"), operator, "not a valid selector operator"));
  else if (values.length !== 1) errors.push(required(at.child("values"), "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"));
  if (key !== "metadata.name") return [...errors, invalidValue(at.child("key"), key, "not a valid field selector key")];
  return [...errors, ...values.flatMap((value, i) => invalidAll(at.child("values").index(i), value, nameIsDNSSubdomain(value, false)))];
}

function validateTerm(term: NodeSelectorTerm, allowInvalidValue: boolean, at: Path): FieldError[] {
  return [
    ...(term.matchExpressions ?? []).flatMap((r, i) => validateRequirement(r, allowInvalidValue, at.child("matchExpressions").index(i))),
    ...(term.matchFields ?? []).flatMap((r, i) => validateFieldRequirement(r, at.child("matchFields").index(i))),
  ];
}

export function validateNodeSelector(selector: NodeSelector, allowInvalidValue: boolean, at: Path): FieldError[] {
  const here = at.child("nodeSelectorTerms");
  if (!selector.nodeSelectorTerms?.length) return [required(here, "must have at least one node selector term")];
  return selector.nodeSelectorTerms.flatMap((term, i) => validateTerm(term, allowInvalidValue, here.index(i)));
}

const hasInvalidValue = (term: NodeSelectorTerm): boolean =>
  (term.matchExpressions ?? []).some((e) => (e.values ?? []).some((value) => isValidLabelValue(value).length > 0));
export const selectorHasInvalidValue = (selector: NodeSelector | undefined): boolean => (selector?.nodeSelectorTerms ?? []).some(hasInvalidValue);

const requiredTerms = "requiredDuringSchedulingIgnoredDuringExecution";
const preferred = "preferredDuringSchedulingIgnoredDuringExecution";

export function validateNodeAffinity(affinity: NodeAffinity, allowInvalidValue: boolean, at: Path): FieldError[] {
  const errors: FieldError[] = affinity[requiredTerms] ? validateNodeSelector(affinity[requiredTerms], allowInvalidValue, at.child(requiredTerms)) : [];
  for (const [i, { weight = 0, preference = {} }] of (affinity[preferred] ?? []).entries()) {
    const here = at.child(preferred).index(i);
    errors.push(...validateWeight(weight, here), ...validateTerm(preference, true, here.child("preference")));
  }
  return errors;
}

export const validateWeight = (weight: number, at: Path): FieldError[] =>
  weight <= 0 || weight > 100 ? [invalidValue(at.child("weight"), weight, "must be in the range 1-100")] : [];
