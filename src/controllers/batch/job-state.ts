/** A Job and its pods at one moment, and the pure questions that its controller asks of them. */
import type { Job, JobCondition, JobStatus } from "../../api/types/batch-v1.gen.ts";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import { formatTime, parseTime } from "../../api/time.ts";
import { deletionOrder, isActive, isReady, isTerminating, isFinished } from "../runtime/pods.ts";
import { indexOf, parseIndexes } from "./job-indexes.ts";
import { finishedAt, isPodFailed, judgeFailure, metSuccessRule, restartsExceedLimit } from "./job-policy.ts";

export const trackingFinalizer = "batch.kubernetes.io/job-tracking";
export const failureCountKey = "batch.kubernetes.io/job-index-failure-count";
export const ignoredFailureCountKey = "batch.kubernetes.io/job-index-ignored-failure-count";
/** Pods that the status may name before they are counted. */
export const maxUncounted = 500;

export const isIndexed = (job: Job): boolean => job.spec.completionMode === "Indexed";
export const isSuspended = (job: Job): boolean => job.spec.suspend === true;
export const hasTrackingFinalizer = (pod: Pod): boolean => pod.metadata.finalizers?.includes(trackingFinalizer) ?? false;
export const conditionOf = (status: JobStatus, type: string): JobCondition | undefined =>
  status.conditions?.find((c) => c.type === type && c.status === "True");

export interface JobState {
  job: Job;
  pods: readonly Pod[];
  active: readonly Pod[];
  ready: number;
  terminating: number;
  /** Finished pods that no status has counted yet. */
  newlySucceeded: Pod[];
  newlyFailed: Pod[];
  succeeded: number;
  failed: number;
  previousIndexes: ReadonlySet<number>;
  succeededIndexes: Set<number>;
  failedIndexes: Set<number> | undefined;
  /** With backoffLimitPerIndex: the failed pod of an index is kept until it is replaced, because it carries the count. */
  delayed: Map<number, Pod>;
}

/** `released`: uids whose finalizer is off already, if the cache does not show it yet. */
export function jobState(job: Job, pods: readonly Pod[], released: ReadonlySet<string>): JobState {
  const completions = job.spec.completions ?? 0;
  const uncounted = job.status?.uncountedTerminatedPods ?? {};
  const active = pods.filter(isActive);
  const tracked = pods.filter((pod) => hasTrackingFinalizer(pod) && !released.has(pod.metadata.uid) && (!isIndexed(job) || isValidIndex(pod, completions)));
  const newlySucceeded = tracked.filter((pod) => pod.status?.phase === "Succeeded" && !uncounted.succeeded?.includes(pod.metadata.uid));
  const newlyFailed = tracked.filter((pod) => isPodFailed(pod, job) && !uncounted.failed?.includes(pod.metadata.uid));
  const counted = newlyFailed.filter((pod) => judgeFailure(job, pod).counts).length;
  const previousIndexes = isIndexed(job) ? parseIndexes(job.status?.completedIndexes, completions) : new Set<number>();
  const succeededIndexes = new Set(previousIndexes);
  let failedIndexes: Set<number> | undefined;
  if (isIndexed(job)) {
    for (const pod of pods)
      if (pod.status?.phase === "Succeeded" && hasTrackingFinalizer(pod) && isValidIndex(pod, completions)) succeededIndexes.add(indexOf(pod) as number);
    if (job.spec.backoffLimitPerIndex !== undefined) {
      failedIndexes = parseIndexes(job.status?.failedIndexes, completions);
      for (const pod of pods)
        if (hasTrackingFinalizer(pod) && isValidIndex(pod, completions) && isIndexFailed(job, pod)) failedIndexes.add(indexOf(pod) as number);
    }
  }
  return {
    job,
    pods,
    active,
    ready: active.filter(isReady).length,
    terminating: pods.filter((pod) => isTerminating(pod) && !isFinished(pod)).length,
    newlySucceeded,
    newlyFailed,
    succeeded: isIndexed(job) ? succeededIndexes.size : (job.status?.succeeded ?? 0) + newlySucceeded.length + (uncounted.succeeded?.length ?? 0),
    failed: (job.status?.failed ?? 0) + counted + (uncounted.failed?.length ?? 0),
    previousIndexes,
    succeededIndexes,
    failedIndexes,
    delayed: failedIndexes ? delayedPods(job, tracked, active, succeededIndexes, failedIndexes) : new Map(),
  };
}

const isValidIndex = (pod: Pod, completions: number): boolean => (indexOf(pod) ?? completions) < completions;
const annotated = (pod: Pod, key: string): number => Number(/^\d+$/.exec(pod.metadata.annotations?.[key] ?? "")?.[0] ?? 0);
export const failuresOfIndex = (pod: Pod): number => annotated(pod, failureCountKey) + annotated(pod, ignoredFailureCountKey);

function isIndexFailed(job: Job, pod: Pod): boolean {
  if (!isPodFailed(pod, job)) return false;
  const { counts, failsIndex } = judgeFailure(job, pod);
  return failsIndex || (counts && annotated(pod, failureCountKey) >= (job.spec.backoffLimitPerIndex as number));
}

function delayedPods(job: Job, tracked: readonly Pod[], active: readonly Pod[], succeeded: ReadonlySet<number>, failed: ReadonlySet<number>): Map<number, Pod> {
  const busy = new Set(active.map(indexOf));
  const delayed = new Map<number, Pod>();
  for (const pod of tracked) {
    const index = indexOf(pod);
    if (index === undefined || !isPodFailed(pod, job) || succeeded.has(index) || failed.has(index) || busy.has(index)) continue;
    const last = delayed.get(index);
    if (!last || (failuresOfIndex(last) <= failuresOfIndex(pod) && finishedAt(pod) >= finishedAt(last))) delayed.set(index, pod);
  }
  return delayed;
}

export const newCondition = (type: string, reason: string, message: string, now: number, status = "True"): JobCondition => ({
  type,
  status,
  reason,
  message,
  lastProbeTime: formatTime(now),
  lastTransitionTime: formatTime(now),
});

/** Why the Job is about to end, if it is: FailureTarget, SuccessCriteriaMet, or Failed for a target of an earlier pass. */
export function ending(state: JobState, now: number): JobCondition | undefined {
  const { job, pods, failed, succeededIndexes, failedIndexes } = state;
  const { backoffLimit = 6, activeDeadlineSeconds, maxFailedIndexes, completions = 0 } = job.spec;
  const status = job.status ?? {};
  const met = conditionOf(status, "SuccessCriteriaMet");
  if (met) return met;
  const target = conditionOf(status, "FailureTarget");
  if (target) return newCondition("Failed", target.reason ?? "", target.message ?? "", now);
  const failure = (reason: string, message: string): JobCondition => newCondition("FailureTarget", reason, message, now);
  for (const pod of job.spec.podFailurePolicy ? pods : []) {
    const message = isPodFailed(pod, job) ? judgeFailure(job, pod).message : undefined;
    if (message !== undefined) return failure("PodFailurePolicy", message);
  }
  if (failed > backoffLimit || restartsExceedLimit(job, pods)) return failure("BackoffLimitExceeded", "Job has reached the specified backoff limit");
  const started = status.startTime ? parseTime(status.startTime) : undefined;
  if (activeDeadlineSeconds !== undefined && started !== undefined && !isSuspended(job) && now - started >= activeDeadlineSeconds * 1000) {
    return failure("DeadlineExceeded", "Job was active longer than specified deadline");
  }
  if (failedIndexes) {
    if (maxFailedIndexes !== undefined && failedIndexes.size > maxFailedIndexes) {
      return failure("MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes");
    }
    if (failedIndexes.size > 0 && failedIndexes.size + succeededIndexes.size >= completions) return failure("FailedIndexes", "Job has failed indexes");
  }
  const message = isIndexed(job) ? metSuccessRule(job, succeededIndexes) : undefined;
  return message === undefined ? undefined : newCondition("SuccessCriteriaMet", "SuccessPolicy", message, now);
}

/** How many pods should be active. */
export function wantedActive({ job, active, succeeded }: JobState): number {
  if (isSuspended(job)) return 0;
  const { completions, parallelism = 1 } = job.spec;
  if (completions === undefined) return succeeded > 0 ? active.length : parallelism;
  return Math.max(0, Math.min(parallelism, completions - succeeded));
}

/** Active pods to delete: those whose index is double or out of range, then the least valuable. */
export function surplus({ job, active }: JobState, atLeast: number, now: number): Pod[] {
  const remove: Pod[] = [];
  let left = [...active];
  if (isIndexed(job)) {
    const byIndex = new Map<number | undefined, Pod[]>();
    for (const pod of active) byIndex.set(indexOf(pod), [...(byIndex.get(indexOf(pod)) ?? []), pod]);
    left = [];
    for (const [index, pods] of byIndex) {
      const ordered = deletionOrder(pods, () => 0, now);
      if (index !== undefined && index < (job.spec.completions ?? 0)) left.push(ordered.pop() as Pod);
      remove.push(...ordered);
    }
  }
  if (remove.length < atLeast) remove.push(...deletionOrder(left, () => 0, now).slice(0, atLeast - remove.length));
  return remove;
}
