import assert from "node:assert/strict";
import { test } from "node:test";
import type { Job, JobCondition } from "../../api/types/batch-v1.gen.ts";
import { Metrics } from "../../base/metrics.ts";
import { Measures } from "../runtime/measures.ts";
import { jobMeasures } from "./job-measures.ts";

test("passes over Jobs, finished pods and finished Jobs are counted by their kind of completion", () => {
  const metrics = new Metrics();
  const measured = jobMeasures(new Measures(metrics));
  const plain = { spec: {} } as Job;
  const indexed = { spec: { completionMode: "Indexed" } } as Job;
  measured.synced(plain, true, "pods_created", 0.005);
  measured.synced(indexed, false, "tracking", 0.001);
  measured.counted(plain, { succeeded: 1 }, { succeeded: 3, failed: 1 });
  // A Job that is scaled down may have fewer than before.
  measured.counted(indexed, { succeeded: 3 }, { succeeded: 2 });
  measured.finished(plain, { type: "Complete", reason: "CompletionsReached" } as JobCondition);
  measured.finished(indexed, { type: "Failed", reason: "DeadlineExceeded" } as JobCondition);
  const lines = metrics.expose().split("\n");
  for (const line of [
    'job_controller_job_syncs_total{completion_mode="NonIndexed",result="success",action="pods_created"} 1',
    'job_controller_job_syncs_total{completion_mode="Indexed",result="error",action="tracking"} 1',
    'job_controller_job_sync_duration_seconds_bucket{completion_mode="NonIndexed",result="success",action="pods_created",le="0.008"} 1',
    'job_controller_job_pods_finished_total{completion_mode="NonIndexed",result="succeeded"} 2',
    'job_controller_job_pods_finished_total{completion_mode="NonIndexed",result="failed"} 1',
    'job_controller_job_pods_finished_total{completion_mode="Indexed",result="succeeded"} 0',
    'job_controller_jobs_finished_total{completion_mode="NonIndexed",result="succeeded",reason="CompletionsReached"} 1',
    'job_controller_jobs_finished_total{completion_mode="Indexed",result="failed",reason="DeadlineExceeded"} 1',
  ])
    assert.ok(lines.includes(line), line);
});
