/** What a job's status may say, given what it said before (pkg/apis/batch/validation, pkg/registry/batch/job). */
import { nonNegativeFields } from "../apps/workload.ts";
import { fieldImmutableMessage } from "../core/checks.ts";
import { semanticEqual } from "../core/semantic.ts";
import { duplicateNamed, type FieldError, invalidOmitted, invalidValue, path, required, invalidNamed } from "../field.ts";
import { isConditionTrue } from "../meta/conditions.ts";
import { parseTime } from "../time.ts";
import type { Job } from "../types/batch-v1.gen.ts";
import { countIndexes, overlap } from "./index-intervals.ts";

const at = path("status");
const conditionsPath = at.child("conditions");

const is = ({ status }: Job, type: string): boolean => isConditionTrue(status.conditions, type);
const isFinished = (job: Job): boolean => is(job, "Complete") || is(job, "Failed");
const isIndexed = (job: Job): boolean => job.spec.completionMode === "Indexed";

function validateUncounted({ status }: Job): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const list of ["succeeded", "failed"] as const) {
    for (const [i, uid] of (status.uncountedTerminatedPods?.[list] ?? []).entries()) {
      const here = at.child("uncountedTerminatedPods", list).index(i);
      if (uid === "") errors.push(invalidValue(here, uid, "must not be empty"));
      else if (seen.has(uid)) errors.push(duplicateNamed(here, uid));
      seen.add(uid);
    }
  }
  return errors;
}

/** Which parts of the status the update changes: only those are held to rules that came later than they. */
function changesOf(job: Job, old: Job) {
  const { status: now } = job;
  const { status: was } = old;
  const turned = (type: string): boolean => is(job, type) !== is(old, type);
  return {
    finished: isFinished(job) !== isFinished(old),
    complete: turned("Complete"),
    failed: turned("Failed"),
    failureTarget: turned("FailureTarget"),
    criteriaMet: turned("SuccessCriteriaMet"),
    completedIndexes: (now.completedIndexes ?? "") !== (was.completedIndexes ?? ""),
    failedIndexes: now.failedIndexes !== was.failedIndexes,
    active: (now.active ?? 0) !== (was.active ?? 0),
    startTime: now.startTime !== was.startTime,
    completionTime: now.completionTime !== was.completionTime,
    uncounted: !semanticEqual(now.uncountedTerminatedPods, was.uncountedTerminatedPods),
    ready: now.ready !== was.ready,
    terminating: now.terminating !== was.terminating,
  };
}
type Changes = ReturnType<typeof changesOf>;

function validateTimes(job: Job, changed: Changes): FieldError[] {
  const { startTime, completionTime } = job.status;
  const complete = is(job, "Complete");
  const here = at.child("completionTime");
  const errors: FieldError[] = [];
  if (changed.complete || changed.completionTime) {
    if (completionTime && !complete) errors.push(invalidValue(here, completionTime, "cannot set completionTime when there is no Complete=True condition"));
    if (!completionTime && complete) errors.push(required(here, "completionTime is required for Complete jobs"));
  }
  const reversed = startTime && completionTime && parseTime(completionTime) < parseTime(startTime);
  if ((changed.startTime || changed.completionTime) && reversed) errors.push(invalidValue(here, completionTime, "must be equal to or after `startTime`"));
  return errors;
}

function validateFinished(job: Job, changed: Changes): FieldError[] {
  if (!isFinished(job)) return [];
  const { active = 0, startTime, uncountedTerminatedPods: uncounted } = job.status;
  const errors: FieldError[] = [];
  const nothingToDo = job.spec.suspend === true && job.spec.completions === 0;
  if ((changed.finished || changed.active) && active > 0) errors.push(invalidValue(at.child("active"), active, "active>0 is invalid for finished job"));
  if ((changed.finished || changed.startTime) && !nothingToDo && !startTime)
    errors.push(required(at.child("startTime"), "startTime is required for finished job"));
  if ((changed.finished || changed.uncounted) && (uncounted?.failed?.length ?? 0) + (uncounted?.succeeded?.length ?? 0) > 0) {
    const shown = { Succeeded: uncounted?.succeeded ?? null, Failed: uncounted?.failed ?? null };
    errors.push(invalidValue(at.child("uncountedTerminatedPods"), shown, "must be empty for finished job"));
  }
  return errors;
}

function validateIndexes(job: Job, changed: Changes): FieldError[] {
  const { completions, backoffLimitPerIndex } = job.spec;
  const { completedIndexes: completed = "", failedIndexes: failed } = job.status;
  const [completedPath, failedPath] = [at.child("completedIndexes"), at.child("failedIndexes")];
  const errors: FieldError[] = [];
  if (changed.completedIndexes && completions !== undefined) {
    const why = countIndexes(completed, completions);
    if (typeof why === "string") errors.push(invalidValue(completedPath, completed, `error parsing completedIndexes: ${why}`));
  }
  if (changed.failedIndexes && completions !== undefined && backoffLimitPerIndex !== undefined && failed !== undefined) {
    const why = countIndexes(failed, completions);
    if (typeof why === "string") errors.push(invalidNamed(failedPath, failed, `error parsing failedIndexes: ${why}`));
  }
  if (changed.completedIndexes && completed && !isIndexed(job))
    errors.push(invalidValue(completedPath, completed, "cannot set non-empty completedIndexes when non-indexed completion mode"));
  if (changed.failedIndexes && backoffLimitPerIndex === undefined && failed !== undefined)
    errors.push(invalidValue(failedPath, failed, "cannot set non-null failedIndexes when backoffLimitPerIndex is null"));
  if ((changed.failedIndexes || changed.completedIndexes) && completions !== undefined && failed !== undefined) {
    const both = overlap(completed, failed, completions);
    if (both !== undefined) errors.push(invalidValue(failedPath, failed, `failedIndexes and completedIndexes overlap at index: ${both}`));
  }
  return errors;
}

function validateNow(job: Job, changed: Changes): FieldError[] {
  const { status, spec } = job;
  const { ready, active = 0, terminating = 0 } = status;
  const [complete, failed, target, met] = [is(job, "Complete"), is(job, "Failed"), is(job, "FailureTarget"), is(job, "SuccessCriteriaMet")];
  const errors = [...nonNegativeFields(status, ["active", "succeeded", "failed", "ready", "terminating"], at), ...validateUncounted(job)];
  const cannot = (wrong: boolean, what: string): void => {
    if (wrong) errors.push(invalidOmitted(conditionsPath, `cannot set ${what}`));
  };
  cannot((changed.complete || changed.failed) && complete && failed, "Complete=True and Failed=true conditions");
  cannot((changed.complete || changed.failureTarget) && complete && target, "Complete=True and FailureTarget=true conditions");
  errors.push(...validateTimes(job, changed));
  cannot((changed.failed || changed.failedIndexes) && failed && !target, "Failed=True condition without the FailureTarget=true condition");
  cannot((changed.complete || changed.criteriaMet) && complete && !met, "Complete=True condition without the SuccessCriteriaMet=true condition");
  errors.push(...validateFinished(job, changed), ...validateIndexes(job, changed));
  if ((changed.finished || changed.terminating) && terminating > 0 && isFinished(job))
    errors.push(invalidValue(at.child("terminating"), terminating, "terminating>0 is invalid for finished job"));
  if ((changed.ready || changed.active) && ready !== undefined && ready > active)
    errors.push(invalidValue(at.child("ready"), ready, "cannot set more ready pods than active"));
  cannot(met && failed, "SuccessCriteriaMet=True and Failed=true conditions");
  cannot(met && target, "SuccessCriteriaMet=True and FailureTarget=true conditions");
  cannot(spec.successPolicy !== undefined && !met && complete, "Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True");
  return errors;
}

export function validateJobStatus(job: Job, old: Job): FieldError[] {
  const { status: now, spec } = job;
  const { status: was } = old;
  const changed = changesOf(job, old);
  const errors = validateNow(job, changed);
  for (const type of ["Failed", "Complete", "FailureTarget"])
    if (is(old, type) && !is(job, type)) errors.push(invalidOmitted(conditionsPath, `cannot disable the terminal ${type}=True condition`));
  const fewer = (field: "failed" | "succeeded"): void => {
    if ((now[field] ?? 0) < (was[field] ?? 0)) errors.push(invalidValue(at.child(field), now[field] ?? 0, `cannot decrease the ${field} counter`));
  };
  fewer("failed");
  if (!isIndexed(job) || spec.completions !== spec.parallelism) fewer("succeeded");
  if (now.completionTime && was.completionTime && changed.completionTime)
    errors.push(invalidValue(at.child("completionTime"), now.completionTime, fieldImmutableMessage));
  const suspended = (j: Job): string | undefined => j.status.conditions?.find((c) => c.type === "Suspended")?.status;
  const resuming = suspended(old) === "True" && suspended(job) === "False";
  if (changed.startTime && !resuming && was.startTime && !spec.suspend)
    errors.push(invalidValue(at.child("startTime"), now.startTime, "field is immutable for unsuspended job once set"));
  if (is(old, "SuccessCriteriaMet") && !is(job, "SuccessCriteriaMet"))
    errors.push(invalidOmitted(conditionsPath, "cannot disable the SuccessCriteriaMet=True condition"));
  if (is(old, "Complete") && !is(old, "SuccessCriteriaMet") && is(job, "SuccessCriteriaMet"))
    errors.push(invalidOmitted(conditionsPath, "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions"));
  return errors;
}
