/** What a policy and its bindings match (pkg/apis/admissionregistration/validation/validation.go). */
import { type FieldError, notSupported, type Path, required } from "../field.ts";
import { validateLabelSelector } from "../meta/labels.ts";
import type { MatchResources } from "../types/admissionregistration-v1.gen.ts";
import { defaultRules, validateNamedRule } from "./rules.ts";

export const matchPolicies = ["Equivalent", "Exact"];
export const failurePolicies = ["Fail", "Ignore"];
export const reinvocationPolicies = ["IfNeeded", "Never"];

export function defaultMatchResources(match: MatchResources | undefined): void {
  if (!match) return;
  match.matchPolicy ??= "Equivalent";
  match.namespaceSelector ??= {};
  match.objectSelector ??= {};
  defaultRules(match.resourceRules);
  defaultRules(match.excludeResourceRules);
}

export function validateMatchResources(match: MatchResources | undefined, at: Path): FieldError[] {
  if (!match) return [];
  const errors: FieldError[] = [];
  const { matchPolicy, namespaceSelector, objectSelector, resourceRules = [], excludeResourceRules = [] } = match;
  if (matchPolicy === undefined) errors.push(required(at.child("matchPolicy")));
  else if (!matchPolicies.includes(matchPolicy)) errors.push(notSupported(at.child("matchPolicy"), matchPolicy, matchPolicies));
  if (!namespaceSelector) errors.push(required(at.child("namespaceSelector")));
  errors.push(...validateLabelSelector(namespaceSelector, {}, at.child("namespaceSelector")));
  if (!objectSelector) errors.push(required(at.child("objectSelector")));
  errors.push(...validateLabelSelector(objectSelector, {}, at.child("objectSelector")));
  for (const [i, rule] of resourceRules.entries()) errors.push(...validateNamedRule(rule, at.child("resourceRules").index(i)));
  for (const [i, rule] of excludeResourceRules.entries()) errors.push(...validateNamedRule(rule, at.child("excludeResourceRules").index(i)));
  return errors;
}
