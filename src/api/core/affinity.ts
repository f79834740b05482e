/** Affinity of pods to nodes and to each other. */
import { type FieldError, forbiddenField, invalidValue, type Path, path, required } from "../field.ts";
import { validateLabelName, validateLabelSelector } from "../meta/labels.ts";
import { nameIsDNSLabel } from "../meta/names.ts";
import type { Affinity, PodAffinity, PodAffinityTerm } from "../types/core-v1.gen.ts";
import type { LabelSelector } from "../types/meta-v1.gen.ts";
import { invalidAll } from "./checks.ts";
import { selectorHasInvalidValue, validateNodeAffinity, validateWeight } from "./node-affinity.ts";

function validateLabelKeys(keys: readonly string[], selector: LabelSelector | undefined, at: Path): FieldError[] {
  if (!keys.length) return [];
  if (!selector) return [forbiddenField(at, "must not be specified when labelSelector is not set")];
  return keys.flatMap((key, i) => validateLabelName(key, at.index(i)));
}

/** Keys whose values the pod's own labels give; the selector may not say something about them too. */
export function validateMatchLabelKeys(
  term: { matchLabelKeys?: string[]; mismatchLabelKeys?: string[]; labelSelector?: LabelSelector },
  at: Path,
): FieldError[] {
  const { matchLabelKeys: match = [], mismatchLabelKeys: mismatch = [], labelSelector: selector } = term;
  const errors = [...validateLabelKeys(match, selector, at.child("matchLabelKeys")), ...validateLabelKeys(mismatch, selector, at.child("mismatchLabelKeys"))];
  const selected = new Set(Object.keys(selector?.matchLabels ?? {}));
  for (const { key } of selector?.matchExpressions ?? []) {
    const i = match.lastIndexOf(key);
    if (i >= 0 && selected.has(key)) errors.push(invalidValue(at.index(i), key, "exists in both matchLabelKeys and labelSelector"));
    selected.add(key);
  }
  for (const [i, key] of match.entries()) {
    if (mismatch.includes(key)) errors.push(invalidValue(at.child("matchLabelKeys").index(i), key, "exists in both matchLabelKeys and mismatchLabelKeys"));
  }
  return errors;
}

function validateSelectors(term: PodAffinityTerm, allowInvalidLabelValue: boolean, at: Path): FieldError[] {
  const options = { allowInvalidLabelValue };
  return [
    ...validateLabelSelector(term.labelSelector, options, at.child("labelSelector")),
    ...validateLabelSelector(term.namespaceSelector, options, at.child("namespaceSelector")),
  ];
}

function validateTerm(term: PodAffinityTerm, allowInvalidLabelValue: boolean, at: Path): FieldError[] {
  const errors = validateSelectors(term, allowInvalidLabelValue, at);
  for (const name of term.namespaces ?? []) errors.push(...invalidAll(at.child("namespace"), name, nameIsDNSLabel(name, false)));
  errors.push(...validateMatchLabelKeys(term, at));
  if (!term.topologyKey) errors.push(required(at.child("topologyKey"), "can not be empty"));
  return [...errors, ...validateLabelName(term.topologyKey ?? "", at.child("topologyKey"))];
}

function validatePodAffinity(affinity: PodAffinity, allowInvalidLabelValue: boolean, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const hard = at.child("requiredDuringSchedulingIgnoredDuringExecution");
  const soft = at.child("preferredDuringSchedulingIgnoredDuringExecution");
  for (const [i, term] of (affinity.requiredDuringSchedulingIgnoredDuringExecution ?? []).entries())
    errors.push(...validateTerm(term, allowInvalidLabelValue, hard.index(i)));
  for (const [i, { weight = 0, podAffinityTerm: term }] of (affinity.preferredDuringSchedulingIgnoredDuringExecution ?? []).entries()) {
    const here = soft.index(i);
    errors.push(...validateWeight(weight, here), ...validateTerm(term ?? ({} as PodAffinityTerm), allowInvalidLabelValue, here.child("podAffinityTerm")));
  }
  return errors;
}

export interface AffinityOptions {
  allowInvalidLabelValueInSelector?: boolean;
  allowInvalidLabelValueInNodeAffinity?: boolean;
}

export function validateAffinity(affinity: Affinity | undefined, at: Path, options: AffinityOptions): FieldError[] {
  if (!affinity) return [];
  const inSelector = options.allowInvalidLabelValueInSelector ?? false;
  const errors: FieldError[] = [];
  if (affinity.nodeAffinity)
    errors.push(...validateNodeAffinity(affinity.nodeAffinity, options.allowInvalidLabelValueInNodeAffinity ?? false, at.child("nodeAffinity")));
  if (affinity.podAffinity) errors.push(...validatePodAffinity(affinity.podAffinity, inSelector, at.child("podAffinity")));
  if (affinity.podAntiAffinity) errors.push(...validatePodAffinity(affinity.podAntiAffinity, inSelector, at.child("podAntiAffinity")));
  return errors;
}

/** All terms about other pods, hard ones and soft ones, affinity first. */
export function podAffinityTerms(affinity: Affinity | undefined): PodAffinityTerm[] {
  if (!affinity) return [];
  return [affinity.podAffinity, affinity.podAntiAffinity].flatMap((side) => [
    ...(side?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((weighted) => weighted.podAffinityTerm),
    ...(side?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
  ]);
}

export const hasInvalidSelector = (affinity: Affinity | undefined): boolean =>
  podAffinityTerms(affinity).some((term) => validateSelectors(term, false, path()).length > 0);
export const hasInvalidAffinityValue = (affinity: Affinity | undefined): boolean =>
  selectorHasInvalidValue(affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution);
