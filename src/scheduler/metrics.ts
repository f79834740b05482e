/** Metrics under upstream's names (pkg/scheduler/metrics). Durations are in seconds. */
import type { Clock } from "../base/clock.ts";
import type { Metrics, Sample } from "../base/metrics.ts";
import type { ClusterCache } from "./cache/cluster-cache.ts";
import type { QueuedPod, SchedulingQueue } from "./queue.ts";

export interface SchedulerMeasures {
  /** Milliseconds. */
  algorithm(ms: number): void;
  /** One try of one pod, begun at `started` (milliseconds, monotonic), ended without a binding. */
  attempt(queued: QueuedPod, result: "unschedulable" | "error", started: number): void;
  attemptScheduled(queued: QueuedPod, started: number): void;
  preempted(victims: number): void;
}

const exponential = (start: number, factor: number, count: number): number[] => Array.from({ length: count }, (_, i) => start * factor ** i);

export function createSchedulerMetrics(metrics: Metrics, queue: SchedulingQueue, cache: ClusterCache, clock: Clock): SchedulerMeasures {
  const pending = metrics.gauge("scheduler_pending_pods", "Number of pending pods, by the queue type.", ["queue"]);
  const cached = metrics.gauge("scheduler_cache_size", "Number of nodes, pods, and assumed (bound) pods in the scheduler cache.", ["type"]);
  const tries = metrics.counter("scheduler_schedule_attempts_total", "Number of attempts to schedule pods, by the result.", ["result", "profile"]);
  const attempts = metrics.histogram("scheduler_pod_scheduling_attempts", "Number of attempts to successfully schedule a pod.", exponential(1, 2, 5));
  const algorithm = metrics.histogram("scheduler_scheduling_algorithm_duration_seconds", "Scheduling algorithm latency in seconds", exponential(0.001, 2, 15));
  const attempt = metrics.histogram("scheduler_scheduling_attempt_duration_seconds", "Scheduling attempt latency in seconds", exponential(0.001, 2, 15), [
    "profile",
    "result",
  ]);
  const sli = metrics.histogram("scheduler_pod_scheduling_sli_duration_seconds", "E2e latency for a pod being scheduled.", exponential(0.01, 2, 20), [
    "attempts",
  ]);
  const victims = metrics.histogram("scheduler_preemption_victims", "Number of selected preemption victims", exponential(1, 2, 7));
  const preemptions = metrics.counter("scheduler_preemption_attempts_total", "Total preemption attempts in the cluster till now");
  metrics.onCollect(() => {
    const { active, backoff, unschedulable, gated } = queue.counts();
    pending.set(active, "active");
    pending.set(backoff, "backoff");
    pending.set(unschedulable, "unschedulable");
    pending.set(gated, "gated");
    cached.set(cache.snapshot().size, "nodes");
    cached.set(cache.podCount, "pods");
    cached.set(cache.assumedCount, "assumed_pods");
  });
  const ended = ({ info }: QueuedPod, result: string, started: number): void => {
    const profile = info.pod.spec.schedulerName ?? "";
    tries.inc(result, profile);
    attempt.observe((clock.monotonic() - started) / 1000, profile, result);
  };
  return {
    algorithm: (ms) => algorithm.observe(ms / 1000),
    attempt: ended,
    attemptScheduled(queued, started) {
      const now = clock.monotonic();
      ended(queued, "scheduled", started);
      attempts.observe(queued.attempts);
      if (queued.firstTried !== undefined) sli.observe((now - queued.firstTried) / 1000, queued.attempts >= 15 ? "15+" : String(queued.attempts));
    },
    preempted(count) {
      preemptions.inc();
      if (count > 0) victims.observe(count);
    },
  };
}

/** For the queue: pods that come to one of its parts, and why. */
export function incomingPods(metrics: Metrics): (queue: string, event: string) => void {
  const total = metrics.counter("scheduler_queue_incoming_pods_total", "Number of pods added to scheduling queues by event and queue type.", [
    "queue",
    "event",
  ]);
  const known = new Map<string, Map<string, Sample>>();
  return (queue, event) => {
    let byEvent = known.get(queue);
    if (!byEvent) {
      byEvent = new Map();
      known.set(queue, byEvent);
    }
    let sample = byEvent.get(event);
    if (!sample) {
      sample = total.with(queue, event);
      byEvent.set(event, sample);
    }
    sample.value++;
  };
}

/** Of the server's answers to requests for claims for extended resources. */
export function claimCreations(metrics: Metrics): (status: "success" | "failure") => void {
  const total = metrics.counter("scheduler_resourceclaim_creates_total", "Number of ResourceClaims creation requests within scheduler", ["status"]);
  return (status) => total.inc(status);
}
