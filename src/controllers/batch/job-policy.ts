/** Failures and success of a Job's pods: failure policy, success policy, back-off (pkg/controller/job). Pure. */
import { parseTime } from "../../api/time.ts";
import type { Job, PodFailurePolicyOnExitCodesRequirement } from "../../api/types/batch-v1.gen.ts";
import type { ContainerStatus, Pod } from "../../api/types/core-v1.gen.ts";
import { parseIndexes } from "./job-indexes.ts";

/** A terminating pod is replaced at once, unless the Job asks to wait for its end. */
export const waitsForTermination = (job: Job): boolean => job.spec.podReplacementPolicy === "Failed" || job.spec.podFailurePolicy !== undefined;

export function isPodFailed(pod: Pod, job: Job): boolean {
  if (pod.status?.phase === "Failed") return true;
  return !waitsForTermination(job) && pod.metadata.deletionTimestamp !== undefined && pod.status?.phase !== "Succeeded";
}

export interface FailureVerdict {
  /** Whether it counts towards the back-off limit. */
  counts: boolean;
  failsIndex: boolean;
  /** Why the whole Job fails. */
  message?: string;
}

export function judgeFailure(job: Job, pod: Pod): FailureVerdict {
  for (const [index, rule] of (job.spec.podFailurePolicy?.rules ?? []).entries()) {
    const { namespace, name } = pod.metadata;
    let message: string;
    if (rule.onExitCodes) {
      const status = matchingContainer(pod, rule.onExitCodes);
      if (!status) continue;
      message = `Container ${status.name} for pod ${namespace}/${name} failed with exit code ${status.state?.terminated?.exitCode} matching ${rule.action} rule at index ${index}`;
    } else {
      const condition = pod.status?.conditions?.find((c) => rule.onPodConditions?.some((p) => p.type === c.type && p.status === c.status));
      if (!condition) continue;
      message = `Pod ${namespace}/${name} has condition ${condition.type} matching ${rule.action} rule at index ${index}`;
    }
    if (rule.action === "Ignore") return { counts: false, failsIndex: false };
    return { counts: true, failsIndex: rule.action === "FailIndex", ...(rule.action === "FailJob" ? { message } : {}) };
  }
  return { counts: true, failsIndex: false };
}

function matchingContainer(pod: Pod, { containerName, operator, values }: PodFailurePolicyOnExitCodesRequirement): ContainerStatus | undefined {
  return [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])].find(({ name, state }) => {
    const code = state?.terminated?.exitCode;
    if (!code || (containerName !== undefined && containerName !== name)) return false;
    return values.includes(code) === (operator === "In");
  });
}

/** With restartPolicy OnFailure the restarts of running pods count. */
export function restartsExceedLimit(job: Job, pods: readonly Pod[]): boolean {
  if (job.spec.template.spec.restartPolicy !== "OnFailure") return false;
  const limit = job.spec.backoffLimit ?? 6;
  const live = pods.filter((pod) => pod.status?.phase === "Running" || pod.status?.phase === "Pending");
  const statuses = live.flatMap((pod) => [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])]);
  const restarts = statuses.reduce((sum, s) => sum + s.restartCount, 0);
  return limit === 0 ? restarts > 0 : restarts >= limit;
}

/** The message of the first rule that is met. */
export function metSuccessRule(job: Job, succeeded: ReadonlySet<number>): string | undefined {
  if (succeeded.size === 0) return undefined;
  for (const [index, { succeededIndexes, succeededCount }] of (job.spec.successPolicy?.rules ?? []).entries()) {
    const required = succeededIndexes === undefined ? undefined : parseIndexes(succeededIndexes, job.spec.completions ?? 0);
    if (required?.size === 0) continue;
    const hits = required ? [...required].filter((i) => succeeded.has(i)).length : succeeded.size;
    const enough = succeededCount !== undefined && hits >= succeededCount;
    if (enough || (required && hits === required.size)) return `Matched rules at index ${index}`;
  }
  return undefined;
}

export interface BackoffRecord {
  failures: number;
  /** Milliseconds since the epoch. */
  lastFailure?: number;
}

/** Failures since the last success; a success starts anew. */
export function nextBackoff(old: BackoffRecord | undefined, succeeded: readonly Pod[], failed: readonly Pod[]): BackoffRecord {
  const failedAt = failed.map(finishedAt).sort((a, b) => a - b);
  if (succeeded.length === 0) {
    if (failedAt.length === 0) return old ?? { failures: 0 };
    return { failures: (old?.failures ?? 0) + failedAt.length, lastFailure: failedAt.at(-1) };
  }
  const lastSuccess = Math.max(...succeeded.map(finishedAt));
  const after = failedAt.filter((at) => at > lastSuccess);
  return { failures: after.length, ...(after.length ? { lastFailure: after.at(-1) } : {}) };
}

const firstDelay = 10_000;
const longestDelay = 600_000;

/** Milliseconds to wait before a pod may replace the failed ones: 10 s, doubled with each failure, at most 10 minutes. */
export function backoffLeft({ failures, lastFailure }: BackoffRecord, now: number): number {
  if (failures === 0 || lastFailure === undefined) return 0;
  return Math.max(0, Math.min(longestDelay, firstDelay * 2 ** (failures - 1)) - (now - lastFailure));
}

/** When its containers ended, or the best that is known of it. */
export function finishedAt(pod: Pod): number {
  const sidecars = new Set((pod.spec.initContainers ?? []).filter((c) => c.restartPolicy === "Always").map((c) => c.name));
  const statuses = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? []).filter((s) => sidecars.has(s.name))];
  const ends = statuses.map((s) => s.state?.terminated?.finishedAt);
  if (ends.length && ends.every((end) => end !== undefined)) return Math.max(...ends.map((end) => parseTime(end as string)));
  const ready = pod.status?.conditions?.find((c) => c.type === "Ready");
  if (ready?.status === "False" && ready.lastTransitionTime) return parseTime(ready.lastTransitionTime);
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, creationTimestamp } = pod.metadata;
  return deletionTimestamp ? parseTime(deletionTimestamp) - deletionGracePeriodSeconds * 1000 : parseTime(creationTimestamp);
}
