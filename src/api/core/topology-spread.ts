/** Spreading of pods over topologies. */
import { duplicate, type FieldError, forbiddenField, invalidValue, type Path, path, required } from "../field.ts";
import { validateLabelName, validateLabelSelector } from "../meta/labels.ts";
import type { TopologySpreadConstraint } from "../types/core-v1.gen.ts";
import { validateMatchLabelKeys } from "./affinity.ts";
import { oneOf, validatePositive } from "./checks.ts";

/** The rule before values of matchLabelKeys were merged into the selector: no key may be in both. */
function validateOldMatchLabelKeys({ matchLabelKeys: keys = [], labelSelector }: TopologySpreadConstraint, at: Path): FieldError[] {
  if (!keys.length) return [];
  const errors: FieldError[] = labelSelector ? [] : [forbiddenField(at, "must not be specified when labelSelector is not set")];
  const selected = new Set([...Object.keys(labelSelector?.matchLabels ?? {}), ...(labelSelector?.matchExpressions ?? []).map((e) => e.key)]);
  for (const [i, key] of keys.entries()) {
    errors.push(...validateLabelName(key, at.index(i)));
    if (selected.has(key)) errors.push(invalidValue(at.index(i), key, "exists in both matchLabelKeys and labelSelector"));
  }
  return errors;
}

export interface SpreadOptions {
  allowInvalidSpreadSelector?: boolean;
  allowOldMatchLabelKeys?: boolean;
}

export function validateTopologySpread(constraints: TopologySpreadConstraint[] | undefined, at: Path, options: SpreadOptions): FieldError[] {
  const errors: FieldError[] = [];
  for (const [i, constraint] of (constraints ?? []).entries()) {
    const here = at.index(i);
    const { topologyKey = "", whenUnsatisfiable: action = "", minDomains, nodeAffinityPolicy, nodeTaintsPolicy } = constraint;
    errors.push(...validatePositive(constraint.maxSkew, here.child("maxSkew")));
    if (!topologyKey) errors.push(required(here.child("topologyKey"), "can not be empty"));
    errors.push(...oneOf(action, ["DoNotSchedule", "ScheduleAnyway"], here.child("whenUnsatisfiable")));
    if (constraints!.slice(i + 1).some((other) => (other.topologyKey ?? "") === topologyKey && (other.whenUnsatisfiable ?? "") === action))
      errors.push(duplicate(here.child("{topologyKey, whenUnsatisfiable}"), `{${topologyKey}, ${action}}`));
    if (minDomains !== undefined) {
      errors.push(...validatePositive(minDomains, here.child("minDomains")));
      if (action !== "DoNotSchedule")
        errors.push(invalidValue(here.child("minDomains"), minDomains, `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${action}`));
    }
    if (nodeAffinityPolicy !== undefined) errors.push(...oneOf(nodeAffinityPolicy, ["Honor", "Ignore"], here.child("nodeAffinityPolicy")));
    if (nodeTaintsPolicy !== undefined) errors.push(...oneOf(nodeTaintsPolicy, ["Honor", "Ignore"], here.child("nodeTaintsPolicy")));
    if (options.allowOldMatchLabelKeys) errors.push(...validateOldMatchLabelKeys(constraint, here.child("matchLabelKeys")));
    else errors.push(...validateMatchLabelKeys(constraint, here));
    if (!options.allowInvalidSpreadSelector) errors.push(...validateLabelSelector(constraint.labelSelector, {}, here.child("labelSelector")));
  }
  return errors;
}

export const hasInvalidMatchLabelKeys = (constraints: TopologySpreadConstraint[] | undefined): boolean =>
  (constraints ?? []).some((constraint) => validateMatchLabelKeys(constraint, path()).length > 0);
export const hasInvalidSpreadSelector = (constraints: TopologySpreadConstraint[] | undefined): boolean =>
  (constraints ?? []).some((constraint) => validateLabelSelector(constraint.labelSelector, {}, path()).length > 0);
