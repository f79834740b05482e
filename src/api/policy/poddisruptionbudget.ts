/** PodDisruptionBudgets (pkg/registry/policy/poddisruptionbudget). */
import { nonNegativeFields, validateAtMostAll, validatePositiveIntOrPercent } from "../apps/workload.ts";
import { age } from "../core/object-meta.ts";
import { semanticEqual } from "../core/semantic.ts";
import { type FieldError, invalidValue, notSupported, path } from "../field.ts";
import type { Kind } from "../kind.ts";
import { validateConditions } from "../meta/conditions.ts";
import { validateLabelSelector } from "../meta/labels.ts";
import type { PodDisruptionBudget } from "../types/policy-v1.gen.ts";

const at = path("spec");
const evictionPolicies = ["AlwaysAllow", "IfHealthyBudget"];

function validate({ spec }: PodDisruptionBudget, allowInvalidLabelValue = false): FieldError[] {
  const { minAvailable, maxUnavailable, selector, unhealthyPodEvictionPolicy: evict } = spec;
  const errors: FieldError[] = [];
  if (minAvailable !== undefined && maxUnavailable !== undefined) {
    // The form of upstream's internal type.
    const shown = { MinAvailable: minAvailable, Selector: selector ?? null, MaxUnavailable: maxUnavailable, UnhealthyPodEvictionPolicy: evict ?? null };
    errors.push(invalidValue(at, shown, "minAvailable and maxUnavailable cannot be both set"));
  }
  for (const field of ["minAvailable", "maxUnavailable"] as const) {
    const value = spec[field];
    if (value !== undefined) errors.push(...validatePositiveIntOrPercent(value, at.child(field)), ...validateAtMostAll(value, at.child(field)));
  }
  errors.push(...validateLabelSelector(selector, { allowInvalidLabelValue }, at.child("selector")));
  if (evict !== undefined && !evictionPolicies.includes(evict)) errors.push(notSupported(at.child("unhealthyPodEvictionPolicy"), evict, evictionPolicies));
  return errors;
}

function validateStatus({ status }: PodDisruptionBudget): FieldError[] {
  const here = path("status");
  const counts = ["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"] as const;
  return [...validateConditions(status.conditions, here.child("conditions")), ...nonNegativeFields(status, counts, here)];
}

const noStatus = (): PodDisruptionBudget["status"] => ({ disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 });

export const podDisruptionBudgetKind: Kind<PodDisruptionBudget> = {
  resource: "poddisruptionbudgets.policy",
  allowUnconditionalUpdate: false,
  setDefaults(budget) {
    budget.spec ??= {};
    budget.status ??= noStatus();
  },
  prepareForCreate(budget) {
    budget.status = noStatus();
    budget.metadata.generation = 1;
  },
  validate: (budget) => validate(budget),
  prepareForUpdate(budget, old) {
    budget.status = old.status;
    if (!semanticEqual(budget.spec, old.spec)) budget.metadata.generation = (old.metadata.generation ?? 0) + 1;
  },
  validateUpdate: (budget, old) => validate(budget, validateLabelSelector(old.spec.selector, {}, at).length > 0),
  subresources: {
    status: {
      prepareForUpdate(budget, old) {
        budget.spec = old.spec;
      },
      validateUpdate: validateStatus,
    },
  },
  cells: (budget, now) => [
    budget.metadata.name,
    String(budget.spec.minAvailable ?? "N/A"),
    String(budget.spec.maxUnavailable ?? "N/A"),
    budget.status?.disruptionsAllowed ?? 0,
    age(budget, now),
  ],
};
