import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../base/clock.ts";
import { Metrics } from "../base/metrics.ts";
import type { ClusterCache } from "./cache/cluster-cache.ts";
import { createSchedulerMetrics } from "./metrics.ts";
import type { QueuedPod, SchedulingQueue } from "./queue.ts";

test("each try is counted under its pod's profile", () => {
  const metrics = new Metrics();
  const queue = { counts: () => ({ active: 0, backoff: 0, unschedulable: 0, gated: 0 }) } as unknown as SchedulingQueue;
  const cache = { snapshot: () => ({ size: 0 }), podCount: 0, assumedCount: 0 } as unknown as ClusterCache;
  const measures = createSchedulerMetrics(metrics, queue, cache, new VirtualClock());
  const queued = (schedulerName: string): QueuedPod => ({ info: { pod: { spec: { schedulerName } } }, attempts: 1 }) as unknown as QueuedPod;
  measures.attempt(queued("batch"), "unschedulable", 0);
  measures.attemptScheduled(queued("default-scheduler"), 0);
  const lines = metrics.expose().split("\n");
  assert.ok(lines.includes('scheduler_schedule_attempts_total{result="unschedulable",profile="batch"} 1'));
  assert.ok(lines.includes('scheduler_schedule_attempts_total{result="scheduled",profile="default-scheduler"} 1'));
  assert.ok(lines.includes('scheduler_scheduling_attempt_duration_seconds_count{profile="batch",result="unschedulable"} 1'));
});
