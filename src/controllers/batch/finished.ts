/** Whether and when a Job has ended. Pure. */
import { parseTime } from "../../api/time.ts";
import type { Job, JobCondition } from "../../api/types/batch-v1.gen.ts";

export const finishedCondition = (job: Job): JobCondition | undefined =>
  job.status?.conditions?.find((c) => (c.type === "Complete" || c.type === "Failed") && c.status === "True");
export const isFinishedJob = (job: Job): boolean => finishedCondition(job) !== undefined;

/** Milliseconds since the epoch at which a finished Job may be deleted; undefined when it is kept. */
export function expiry(job: Job): number | undefined {
  const finished = finishedCondition(job);
  const { ttlSecondsAfterFinished } = job.spec;
  if (!finished?.lastTransitionTime || ttlSecondsAfterFinished === undefined) return undefined;
  return parseTime(finished.lastTransitionTime) + ttlSecondsAfterFinished * 1000;
}
