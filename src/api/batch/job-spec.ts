/** Specification of jobs, of their own and in cron jobs: validation and warnings (pkg/apis/batch/validation, pkg/api/job). */
import { nonNegativeFields } from "../apps/workload.ts";
import type { PodValidationOptions } from "../core/pod-options.ts";
import { validatePodTemplateSpec } from "../core/pod-spec.ts";
import { podTemplateWarnings } from "../core/pod-warnings.ts";
import { type FieldError, invalidValue, notSupported, type Path, required, tooLong } from "../field.ts";
import { isDomainPrefixedPath, longerThan } from "../names.ts";
import type { JobSpec } from "../types/batch-v1.gen.ts";
import { validateFailurePolicy, validateReplacementPolicy, validateSuccessPolicy } from "./job-policies.ts";

const manyCompletions = 100_000;
const highLimit = 10_000;
const indexedLimit = 100_000;

function validateIndexed(spec: JobSpec, at: Path): FieldError[] {
  const { completions, parallelism = 0, maxFailedIndexes, backoffLimitPerIndex } = spec;
  const errors: FieldError[] = [];
  const [parallelPath, failedPath] = [at.child("parallelism"), at.child("maxFailedIndexes")];
  const mode = "when completion mode is Indexed";
  if (completions === undefined) errors.push(required(at.child("completions"), mode));
  if (parallelism > indexedLimit) errors.push(invalidValue(parallelPath, parallelism, `must be less than or equal to ${indexedLimit} ${mode}`));
  if (completions !== undefined && maxFailedIndexes !== undefined && maxFailedIndexes > completions)
    errors.push(invalidValue(failedPath, maxFailedIndexes, "must be less than or equal to completions"));
  if (maxFailedIndexes !== undefined && maxFailedIndexes > indexedLimit)
    errors.push(invalidValue(failedPath, maxFailedIndexes, `must be less than or equal to ${indexedLimit}`));
  if (completions === undefined || completions <= manyCompletions || backoffLimitPerIndex === undefined) return errors;
  const high = `must be less than or equal to ${highLimit} when completions are above ${manyCompletions} and used with backoff limit per index`;
  if (maxFailedIndexes === undefined) errors.push(required(failedPath, `must be specified when completions is above ${manyCompletions}`));
  if (parallelism > highLimit) errors.push(invalidValue(parallelPath, parallelism, high));
  if (maxFailedIndexes !== undefined && maxFailedIndexes > highLimit) errors.push(invalidValue(failedPath, maxFailedIndexes, high));
  return errors;
}

function validateMode(spec: JobSpec, at: Path): FieldError[] {
  const { completionMode: mode } = spec;
  const errors: FieldError[] = [];
  if (mode !== undefined && mode !== "NonIndexed" && mode !== "Indexed") errors.push(notSupported(at.child("completionMode"), mode, ["NonIndexed", "Indexed"]));
  if (mode === "Indexed") errors.push(...validateIndexed(spec, at));
  if (mode === undefined || mode === "NonIndexed") {
    for (const field of ["backoffLimitPerIndex", "maxFailedIndexes"] as const)
      if (spec[field] !== undefined) errors.push(invalidValue(at.child(field), spec[field], "requires indexed completion mode"));
  }
  return errors;
}

function validateRestartPolicy(spec: JobSpec, at: Path): FieldError[] {
  const here = at.child("template", "spec", "restartPolicy");
  const { restartPolicy: policy = "" } = spec.template.spec;
  if (policy === "" || policy === "Always") return [required(here, 'valid values: "OnFailure", "Never"')];
  if (policy !== "OnFailure" && policy !== "Never") return [notSupported(here, policy, ["OnFailure", "Never"])];
  if (spec.podFailurePolicy && policy !== "Never") return [invalidValue(here, policy, 'only "Never" is supported when podFailurePolicy is specified')];
  return [];
}

/** All but the selector, which cron jobs leave to the job. */
export function validateJobSpec(spec: JobSpec, at: Path, options: PodValidationOptions): FieldError[] {
  const { managedBy } = spec;
  const counts = [
    "parallelism",
    "completions",
    "activeDeadlineSeconds",
    "backoffLimit",
    "ttlSecondsAfterFinished",
    "backoffLimitPerIndex",
    "maxFailedIndexes",
  ] as const;
  const errors = nonNegativeFields(spec, counts, at);
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined)
    errors.push(required(at.child("backoffLimitPerIndex"), "when maxFailedIndexes is specified"));
  if (managedBy !== undefined) {
    errors.push(...isDomainPrefixedPath(at.child("managedBy"), managedBy));
    if (longerThan(managedBy, 63)) errors.push(tooLong(at.child("managedBy"), 63));
  }
  errors.push(...validateMode(spec, at));
  if (spec.podFailurePolicy) errors.push(...validateFailurePolicy(spec.podFailurePolicy, spec, at.child("podFailurePolicy")));
  if (spec.successPolicy) errors.push(...validateSuccessPolicy(spec.successPolicy, spec, at.child("successPolicy")));
  errors.push(...validateReplacementPolicy(spec, at.child("podReplacementPolicy")));
  errors.push(...validatePodTemplateSpec(spec.template, at.child("template"), options), ...validateRestartPolicy(spec, at));
  return errors;
}

export function jobSpecWarnings(spec: JobSpec, at: Path): string[] {
  const vast = spec.completionMode === "Indexed" && (spec.completions ?? 0) > manyCompletions && (spec.parallelism ?? 0) > highLimit;
  const why =
    "In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail";
  return [...(vast ? [`${at}: ${why}`] : []), ...podTemplateWarnings(spec.template, at.child("template"))];
}

/** Conditions of pods that a failure policy looks for are true ones where nothing is said. */
export function setFailurePolicyDefaults(spec: JobSpec): void {
  for (const rule of spec.podFailurePolicy?.rules ?? []) for (const pattern of rule.onPodConditions ?? []) pattern.status ||= "True";
}
