/** When a job counts as failed or as done: validation of its policies (pkg/apis/batch/validation). */
import { invalidAll, oneOf, validateNonNegative } from "../core/checks.ts";
import { duplicate, type FieldError, invalidOmitted, invalidValue, notSupported, type Path, required, tooLong, tooMany, invalidNamed } from "../field.ts";
import { goQuote } from "../go-quote.ts";
import { isQualifiedName } from "../names.ts";
import type {
  JobSpec,
  PodFailurePolicy,
  PodFailurePolicyOnExitCodesRequirement,
  PodFailurePolicyOnPodConditionsPattern,
  PodFailurePolicyRule,
  SuccessPolicy,
  SuccessPolicyRule,
} from "../types/batch-v1.gen.ts";
import { countIndexes } from "./index-intervals.ts";

const actions = ["Count", "FailIndex", "FailJob", "Ignore"];
const operators = ["In", "NotIn"];
const statuses = ["False", "True", "Unknown"];
const valid = (values: readonly string[]): string => `valid values: [${values.map(goQuote).join(" ")}]`;
const requiredOf = (value: string | undefined, supported: readonly string[], at: Path): FieldError[] =>
  value ? oneOf(value, supported, at) : [required(at, valid(supported))];

/** The forms of upstream's internal types. */
export const shownFailurePolicy = (policy: PodFailurePolicy | undefined): unknown =>
  policy && {
    Rules:
      policy.rules?.map(({ action, onExitCodes: codes, onPodConditions: conditions }) => ({
        Action: action,
        OnExitCodes: codes ? { ContainerName: codes.containerName ?? null, Operator: codes.operator, Values: codes.values ?? null } : null,
        OnPodConditions: conditions?.map(({ type, status }) => ({ Type: type, Status: status })) ?? null,
      })) ?? null,
  };
export const shownSuccessPolicy = (policy: SuccessPolicy | undefined): unknown =>
  policy && {
    Rules: policy.rules?.map((rule) => ({ SucceededIndexes: rule.succeededIndexes ?? null, SucceededCount: rule.succeededCount ?? null })) ?? null,
  };

function validateExitCodes(codes: PodFailurePolicyOnExitCodesRequirement, containers: string[], at: Path): FieldError[] {
  const { operator, containerName, values } = codes;
  const errors = requiredOf(operator, operators, at.child("operator"));
  if (containerName !== undefined && !containers.includes(containerName))
    errors.push(invalidValue(at.child("containerName"), containerName, "must be one of the container or initContainer names in the pod template"));
  const here = at.child("values");
  if (!values?.length) errors.push(invalidValue(here, values ?? null, "at least one value is required"));
  else if (values.length > 255) errors.push(tooMany(here, values.length, 255));
  const seen = new Set<number>();
  let ordered = true;
  for (const [i, value] of (values ?? []).entries()) {
    if (operator === "In" && value === 0) errors.push(invalidValue(here.index(i), value, "must not be 0 for the In operator"));
    if (seen.has(value)) errors.push(duplicate(here.index(i), value));
    seen.add(value);
    if (i > 0 && (values[i - 1] as number) > value) ordered = false;
  }
  if (!ordered) errors.push(invalidValue(here, values, "must be ordered"));
  return errors;
}

function validateConditionPatterns(patterns: PodFailurePolicyOnPodConditionsPattern[], at: Path): FieldError[] {
  const errors = patterns.length > 20 ? [tooMany(at, patterns.length, 20)] : [];
  for (const [i, { type = "", status }] of patterns.entries()) {
    const here = at.index(i);
    errors.push(...invalidAll(here.child("type"), type, isQualifiedName(type)), ...requiredOf(status, statuses, here.child("status")));
  }
  return errors;
}

function validateFailureRule(rule: PodFailurePolicyRule, spec: JobSpec, containers: string[], at: Path): FieldError[] {
  const { action, onExitCodes, onPodConditions = [] } = rule;
  const here = at.child("action");
  const errors = requiredOf(action, actions, here);
  if (action === "FailIndex" && spec.backoffLimitPerIndex === undefined) errors.push(invalidNamed(here, action, "requires the backoffLimitPerIndex to be set"));
  if (onExitCodes) errors.push(...validateExitCodes(onExitCodes, containers, at.child("onExitCodes")));
  if (onPodConditions.length) errors.push(...validateConditionPatterns(onPodConditions, at.child("onPodConditions")));
  if (onExitCodes && onPodConditions.length) errors.push(invalidOmitted(at, "specifying both OnExitCodes and OnPodConditions is not supported"));
  if (!onExitCodes && !onPodConditions.length) errors.push(invalidOmitted(at, "specifying one of OnExitCodes and OnPodConditions is required"));
  return errors;
}

export function validateFailurePolicy(policy: PodFailurePolicy, spec: JobSpec, at: Path): FieldError[] {
  const rules = policy.rules ?? [];
  const here = at.child("rules");
  const { containers, initContainers } = spec.template.spec;
  const names = [...(containers ?? []), ...(initContainers ?? [])].map((container) => container.name);
  return [
    ...(rules.length > 20 ? [tooMany(here, rules.length, 20)] : []),
    ...rules.flatMap((rule, i) => validateFailureRule(rule, spec, names, here.index(i))),
  ];
}

const maxIndexesLength = 64 * 1024;

function validateSuccessRule({ succeededIndexes, succeededCount }: SuccessPolicyRule, completions: number, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  let total = 0;
  if (succeededCount === undefined && succeededIndexes === undefined)
    errors.push(required(at, "at least one of succeededCount or succeededIndexes must be specified"));
  if (succeededIndexes !== undefined) {
    const here = at.child("succeededIndexes");
    if (Buffer.byteLength(succeededIndexes) > maxIndexesLength) errors.push(tooLong(here, maxIndexesLength));
    const count = countIndexes(succeededIndexes, completions);
    if (typeof count === "string") errors.push(invalidValue(here, succeededIndexes, `error parsing succeededIndexes: ${count}`));
    else total = count;
  }
  if (succeededCount !== undefined) {
    const here = at.child("succeededCount");
    const most = (limit: number, what: string): string => `must be less than or equal to ${limit} (the number of ${what})`;
    errors.push(...validateNonNegative(succeededCount, here));
    if (succeededCount > completions) errors.push(invalidValue(here, succeededCount, most(completions, "specified completions")));
    if (succeededIndexes !== undefined && succeededCount > total)
      errors.push(invalidValue(here, succeededCount, most(total, "indexes in the specified succeededIndexes field")));
  }
  return errors;
}

export function validateSuccessPolicy(policy: SuccessPolicy, spec: JobSpec, at: Path): FieldError[] {
  if (spec.completionMode !== "Indexed") return [invalidValue(at, shownSuccessPolicy(policy), "requires indexed completion mode")];
  const rules = policy.rules ?? [];
  const here = at.child("rules");
  const errors: FieldError[] = [];
  if (!rules.length) errors.push(required(here, "at least one rules must be specified when the successPolicy is specified"));
  if (rules.length > 20) errors.push(tooMany(here, rules.length, 20));
  return [...errors, ...rules.flatMap((rule, i) => validateSuccessRule(rule, spec.completions ?? 0, here.index(i)))];
}

/** At the specification's own path, as upstream reports it. */
export function validateReplacementPolicy({ podReplacementPolicy: policy, podFailurePolicy }: JobSpec, at: Path): FieldError[] {
  if (policy === undefined) return [];
  const supported = podFailurePolicy ? ["Failed"] : ["Failed", "TerminatingOrFailed"];
  return supported.includes(policy) ? [] : [notSupported(at, policy, supported)];
}
