/**
 * kube-scheduler: gives each pod that has none a node (k8s.io/kubernetes/pkg/scheduler). Pods are decided one after another
 * over a snapshot that stands still meanwhile; bindings are written beside, the pod counting as placed from the decision on.
 */
import type { Pod } from "../api/types/core-v1.gen.ts";
import { type Clock, settle } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import { Metrics } from "../base/metrics.ts";
import type { Random } from "../base/random.ts";
import type { Client } from "../client/client.ts";
import type { InformerFactory } from "../client/factory.ts";
import { runAsLeader } from "../client/leader-election.ts";
import { pods as podResource } from "../client/resources.gen.ts";
import { createBinding } from "./binding.ts";
import { ClusterCache } from "./cache/cluster-cache.ts";
import { ImageSpread } from "./cache/images.ts";
import { createClusterView } from "./cluster-objects.ts";
import { type SchedulerConfig, defaultConfig } from "./config.ts";
import { type Explanation, explain } from "./explain.ts";
import { createFailureHandler } from "./failure.ts";
import { scheduleWithExtenders } from "./extended-cycle.ts";
import { createExtender, type Extender } from "./extender.ts";
import type { ClusterView } from "./framework/cluster-view.ts";
import { Nominations } from "./framework/nominations.ts";
import { type Cycle, isRejection, type Plugin, type Rejection, type Reservation } from "./framework/plugin.ts";
import { podInfoOf } from "./framework/pod-info.ts";
import { RejectedNodes } from "./framework/rejected-nodes.ts";
import { type Profile, SchedulingAlgorithm } from "./framework/schedule.ts";
import { livingPods, watchCluster } from "./informer-events.ts";
import { claimCreations, createSchedulerMetrics, incomingPods } from "./metrics.ts";
import { createPodWriter } from "./pod-writer.ts";
import { type QueuedPod, SchedulingQueue } from "./queue.ts";
import { createPodEventRecorder, type PodEventRecorder } from "./recorder.ts";

export interface SchedulerOptions {
  /** As system:kube-scheduler. */
  client: Client;
  /** Not yet started, or started: informers that the scheduler needs are added. */
  informers: InformerFactory;
  clock: Clock;
  random: Random;
  logger: Logger;
  config?: SchedulerConfig;
  /** Where several schedulers may run: only the holder of the lease kube-system/kube-scheduler schedules. */
  leaderElection?: { identity: string };
  /** Of this machine; part of who reports events. @default "" */
  hostname?: string;
}

export interface Scheduler {
  /** Schedules until the signal aborts; resolves then, when what was on its way has ended. Rejects when leadership is lost. */
  run(signal: AbortSignal): Promise<void>;
  readonly metrics: Metrics;
  /** True when no pod is due and no binding is on its way. */
  readonly quiet: boolean;
  /** For each node, what speaks against the pod now. */
  explain(pod: Pod): Explanation[];
  /** The cluster as it is known here; for looking only. */
  readonly view: { readonly cluster: ClusterView; readonly cache: ClusterCache; readonly nominations: Nominations };
}

/** Longest stretch of decisions without letting others run, milliseconds. */
const slice = 8;
/** The same where the clock stands still. */
const sliceCount = 32;
/** How often pods that have waited long are looked for, milliseconds. */
const flushPeriod = 30_000;

export function createScheduler(options: SchedulerOptions): Scheduler {
  const { client, informers, clock, random, logger } = options;
  const config = options.config ?? defaultConfig;
  const images = new ImageSpread();
  const metrics = new Metrics();
  const cluster = createClusterView(options, images, claimCreations(metrics));
  const cache = new ClusterCache(cluster.pods, images);
  const profileOf = (pod: Pod): Profile | undefined => config.profiles.get(pod.spec.schedulerName ?? "default-scheduler");
  const none: readonly Plugin[] = [];
  const queue = new SchedulingQueue({
    incoming: incomingPods(metrics),
    clock,
    cluster,
    plugins: (pod) => profileOf(pod)?.plugins ?? none,
    initialBackoff: config.podInitialBackoff,
    maxBackoff: config.podMaxBackoff,
  });
  const nominations = new Nominations();
  const algorithm = new SchedulingAlgorithm(random);
  const extenders = (config.extenders ?? []).map((extender) => createExtender(extender, clock));
  const podInformer = informers.informer(podResource, livingPods);
  watchCluster(informers, { cache, queue, nominations, cluster, isOurs: (pod) => profileOf(pod) !== undefined });
  const measures = createSchedulerMetrics(metrics, queue, cache, clock);
  const writer = createPodWriter(client, clock);
  let running: { signal: AbortSignal; tasks: Set<Promise<void>> } | undefined;

  const background = (name: string, work: (signal: AbortSignal) => Promise<void>): void => {
    if (!running) return;
    const { signal, tasks } = running;
    const task = work(signal)
      .catch((error) => {
        if (!signal.aborted) logger.error(`${name} failed`, { error });
      })
      .finally(() => tasks.delete(task));
    tasks.add(task);
  };

  const lead = async (signal: AbortSignal): Promise<void> => {
    const tasks = new Set<Promise<void>>();
    running = { signal, tasks };
    const recorders = new Map(
      [...config.profiles.keys()].map((name) => {
        const instance = `${name}-${options.hostname ?? ""}`;
        return [name, createPodEventRecorder({ client, clock, logger: logger.child("events"), controller: name, instance, signal })] as const;
      }),
    );
    const record: PodEventRecorder["record"] = (pod, event, related) =>
      recorders.get(pod.spec.schedulerName ?? "default-scheduler")?.record(pod, event, related);
    const failed = createFailureHandler({ queue, cache, cluster, nominations, podInformer, writer, record, background, measures, random, logger });
    const bind = createBinding({ queue, cache, writer, record, background, measures, failed, logger, extenders });
    const asking = { algorithm, cache, cluster, nominations, random, logger };

    /** A promise where extenders have to be asked. */
    const tryOne = (queued: QueuedPod): void | Promise<void> => {
      const { info } = queued;
      const profile = profileOf(info.pod);
      if (!profile || cache.isAssumed(info.uid)) {
        queue.done(queued);
        return;
      }
      if (info.pod.metadata.deletionTimestamp) {
        record(info.pod, { type: "Warning", reason: "FailedScheduling", action: "Scheduling", note: `skip schedule deleting pod: ${info.key}` });
        queue.done(queued);
        return;
      }
      const interested = extenders.filter((extender) => extender.isInterested(info.pod));
      if (interested.length) return tryAsking(interested, queued, profile);
      const started = clock.monotonic();
      try {
        const outcome = algorithm.schedule(profile, info, cache.snapshot(), cluster, nominations);
        measures.algorithm(clock.monotonic() - started);
        if (outcome.row === undefined) failed.unschedulable(queued, profile, outcome.diagnosis, outcome.prepared, started);
        else place(queued, profile, outcome.row, started);
      } catch (error) {
        failed.broken(queued, error as Error, started);
      }
    };

    const tryAsking = async (interested: readonly Extender[], queued: QueuedPod, profile: Profile): Promise<void> => {
      const started = clock.monotonic();
      try {
        const outcome = await scheduleWithExtenders(interested, profile, queued.info, asking, signal);
        measures.algorithm(clock.monotonic() - started);
        // It may have been deleted, or placed by somebody else.
        if (queue.get(queued.info.uid) !== queued) return;
        if (outcome.row !== undefined) return place(queued, profile, outcome.row, started);
        await failed.unschedulableAsking(interested, signal, queued, profile, outcome.diagnosis, outcome.prepared, started);
      } catch (error) {
        if (!signal.aborted) failed.broken(queued, error as Error, started);
      }
    };

    const place = (queued: QueuedPod, profile: Profile, row: number, started: number): void => {
      const { info } = queued;
      const snapshot = cache.snapshot();
      const node = snapshot.rows[row]?.name as string;
      const reserved = reserve(profile, { pod: info, snapshot, cluster }, row);
      if (isRejection(reserved)) {
        const diagnosis = { total: 1, rejected: new RejectedNodes([row], [reserved]), plugins: new Set([reserved.plugin]) };
        failed.unschedulable(queued, profile, diagnosis, undefined, started);
        return;
      }
      cache.assume(info, node);
      nominations.delete(info.uid);
      bind(queued, node, reserved, started);
    };

    const flush = async (): Promise<void> => {
      while (!signal.aborted) {
        await clock.sleep(flushPeriod, signal).catch(() => {});
        queue.flushUnschedulable();
      }
    };
    background("flush of waiting pods", flush);
    try {
      while (!signal.aborted) {
        const since = clock.monotonic();
        for (let tried = 0; tried < sliceCount && clock.monotonic() - since < slice; tried++) {
          const queued = queue.take();
          if (!queued) {
            await queue.wait(signal);
            break;
          }
          const asked = tryOne(queued);
          if (asked) await asked;
        }
        await settle();
      }
    } finally {
      await Promise.all(tasks);
      running = undefined;
    }
  };

  return {
    metrics,
    view: { cluster, cache, nominations },
    explain(pod) {
      const profile = profileOf(pod);
      return profile ? explain(podInfoOf(pod), cache.snapshot(), cluster, profile, nominations) : [];
    },
    get quiet() {
      const { active, backoff, taken } = queue.counts();
      return active === 0 && backoff === 0 && taken === 0;
    },
    async run(signal) {
      informers.start(signal);
      try {
        await informers.synced(signal);
      } catch (error) {
        if (signal.aborted) return;
        throw error;
      }
      if (!options.leaderElection) return lead(signal);
      const { identity } = options.leaderElection;
      await runAsLeader({ client, clock, random, logger, namespace: "kube-system", name: "kube-scheduler", identity }, lead, signal);
    },
  };
}

/** All or nothing: what was reserved before a refusal or an error is given back. */
function reserve(profile: Profile, cycle: Cycle, row: number): Reservation[] | Rejection {
  const reservations: Reservation[] = [];
  const giveBack = (): void => {
    for (const reservation of reservations.reverse()) reservation.unreserve();
  };
  try {
    for (const plugin of profile.plugins) {
      const result = plugin.reserve?.(cycle, row);
      if (!result) continue;
      if (isRejection(result)) {
        giveBack();
        return result;
      }
      reservations.push(result);
    }
  } catch (error) {
    giveBack();
    throw error;
  }
  return reservations;
}
