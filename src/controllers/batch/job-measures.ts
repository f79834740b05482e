/** What the Job controller counts of its work (pkg/controller/job/metrics). */
import type { Job, JobCondition, JobStatus } from "../../api/types/batch-v1.gen.ts";
import { exponential, type Measures } from "../runtime/measures.ts";
import { isIndexed } from "./job-state.ts";

/** What a pass over a Job did about its pods. */
export type JobAction = "reconciling" | "tracking" | "pods_created" | "pods_deleted";

export interface JobMeasures {
  synced(job: Job, succeeded: boolean, action: JobAction, seconds: number): void;
  /** A status was written. */
  counted(job: Job, before: JobStatus | undefined, after: JobStatus | undefined): void;
  finished(job: Job, condition: JobCondition): void;
}

export function jobMeasures(measures: Measures): JobMeasures {
  const ofSync = ["completion_mode", "result", "action"];
  const duration = measures.histogram("job_controller_job_sync_duration_seconds", "[STABLE] The time it took to sync a job", exponential(0.004, 2, 15), ofSync);
  const syncs = measures.counter("job_controller_job_syncs_total", "[STABLE] The number of job syncs", ofSync);
  const ended = measures.counter("job_controller_jobs_finished_total", "[STABLE] The number of finished jobs", ["completion_mode", "result", "reason"]);
  const pods = measures.counter("job_controller_job_pods_finished_total", "[STABLE] The number of finished Pods that are fully tracked", [
    "completion_mode",
    "result",
  ]);
  const modeOf = (job: Job): string => (isIndexed(job) ? "Indexed" : "NonIndexed");
  return {
    synced(job, succeeded, action, seconds) {
      const labels = [modeOf(job), succeeded ? "success" : "error", action];
      duration.observe(seconds, ...labels);
      syncs.inc(...labels);
    },
    counted(job, before, after) {
      for (const result of ["succeeded", "failed"] as const) pods.add(Math.max(0, (after?.[result] ?? 0) - (before?.[result] ?? 0)), modeOf(job), result);
    },
    finished(job, { type, reason = "" }) {
      ended.inc(modeOf(job), type === "Complete" ? "succeeded" : "failed", reason);
    },
  };
}
