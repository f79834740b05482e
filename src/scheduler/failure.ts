/** What follows when a pod gets no node: perhaps preemption, the event, the condition, and its way back to the queue. */
import type { Pod } from "../api/types/core-v1.gen.ts";
import type { Logger } from "../base/logger.ts";
import type { Random } from "../base/random.ts";
import type { Informer } from "../client/informer.ts";
import type { ClusterCache } from "./cache/cluster-cache.ts";
import type { ClusterView } from "./framework/cluster-view.ts";
import { narrowed } from "./extended-preemption.ts";
import type { Extender } from "./extender.ts";
import { fitMessage } from "./framework/message.ts";
import type { Nominations } from "./framework/nominations.ts";
import type { Rejection } from "./framework/plugin.ts";
import { type PodInfo, podInfoOf } from "./framework/pod-info.ts";
import type { PreparedFilters } from "./framework/prepared-filters.ts";
import type { Diagnosis, Profile } from "./framework/schedule.ts";
import type { SchedulerMeasures } from "./metrics.ts";
import type { PodWriter } from "./pod-writer.ts";
import { type Candidate, postFilter, type PostFilterResult } from "./preemption.ts";
import type { QueuedPod, SchedulingQueue } from "./queue.ts";
import { VictimMemory } from "./victim-memory.ts";
import type { PodEvent } from "./recorder.ts";

export interface FailureOptions {
  queue: SchedulingQueue;
  cache: ClusterCache;
  cluster: ClusterView;
  nominations: Nominations;
  podInformer: Informer<Pod>;
  writer: PodWriter;
  record(pod: Pod, event: PodEvent, related?: Pod): void;
  background(name: string, work: (signal: AbortSignal) => Promise<void>): void;
  measures: SchedulerMeasures;
  random: Random;
  logger: Logger;
}

export interface FailureHandler {
  /** No node fits. */
  unschedulable(queued: QueuedPod, profile: Profile, diagnosis: Diagnosis, prepared: PreparedFilters | undefined, started: number): void;
  /** The same, asking extenders that are interested in the pod whom to evict. */
  unschedulableAsking(extenders: readonly Extender[], signal: AbortSignal, ...about: Parameters<FailureHandler["unschedulable"]>): Promise<void>;
  /** Something failed; a rejection, where there is one, is what the last step said. */
  broken(queued: QueuedPod, error: Error, started: number, rejection?: Rejection): void;
}

export function createFailureHandler(options: FailureOptions): FailureHandler {
  const { queue, cache, cluster, nominations, podInformer, writer, record, background, measures, random, logger } = options;

  const memory = new VictimMemory<Candidate | Rejection>();

  /** The pod is not tried again before its victims have been told to go. */
  const evict = ({ info }: QueuedPod, { node, victims }: Candidate): void => {
    measures.preempted(victims.length);
    const going = victims.filter(({ pod }) => !pod.metadata.deletionTimestamp);
    if (!going.length) return;
    const scheduler = info.pod.spec.schedulerName ?? "default-scheduler";
    const lesser = [...nominations.on(node)].filter(({ priority }) => priority < info.priority);
    queue.hold(info.uid);
    background(`preemption for ${info.key}`, async (signal) => {
      try {
        for (const { pod } of lesser) await writer.setStatus(pod, { nominatedNodeName: "" }, signal);
        const outcomes = await Promise.allSettled(
          going.map(async ({ pod }) => {
            await writer.preempt(pod, `${scheduler}: preempting to accommodate a higher priority pod`, signal);
            const note = `Preempted by pod ${info.uid} on node ${node}`;
            record(pod, { type: "Normal", reason: "Preempted", action: "Preempting", note }, info.pod);
          }),
        );
        const failed = outcomes.find((outcome) => outcome.status === "rejected");
        if (failed) throw failed.reason;
        queue.release(info.uid, false);
      } catch (error) {
        queue.release(info.uid, true);
        throw error;
      }
    });
  };

  /** Gives the pod back to the queue as it is known now, and tells why. */
  const conclude = (queued: QueuedPod, reason: "Unschedulable" | "SchedulerError", message: string, giveBack: () => void, nominatedNodeName?: string): void => {
    const { info } = queued;
    const current = podInformer.get(info.namespace, info.pod.metadata.name);
    if (!current || current.spec.nodeName || current.metadata.uid !== info.uid) {
      queue.done(queued);
      return;
    }
    queued.info = podInfoOf(current);
    giveBack();
    if (nominatedNodeName) nominations.add(queued.info, nominatedNodeName);
    else if (nominatedNodeName === "") nominations.delete(info.uid);
    record(current, { type: "Warning", reason: "FailedScheduling", action: "Scheduling", note: message });
    background(`status of ${info.key}`, (signal) => writer.setStatus(current, { condition: { reason, message }, nominatedNodeName }, signal));
  };

  const currentOf = ({ info }: QueuedPod): PodInfo => {
    const current = podInformer.get(info.namespace, info.pod.metadata.name);
    return current && current.metadata.uid === info.uid ? podInfoOf(current) : info;
  };

  const helpFor = (pod: PodInfo, profile: Profile, diagnosis: Diagnosis, prepared: PreparedFilters | undefined): PostFilterResult =>
    postFilter(profile, { pod, snapshot: cache.snapshot(), cluster, nominations, diagnosis, prepared, random, memory });

  const settleOn = (queued: QueuedPod, diagnosis: Diagnosis, { candidate, promise, message: after, work }: PostFilterResult): void => {
    if (candidate) evict(queued, candidate);
    const message = fitMessage(diagnosis, after);
    logger.debug("no node fits", { pod: queued.info.key, message });
    conclude(queued, "Unschedulable", message, () => queue.unschedulable(queued, diagnosis.plugins), promise);
    if (work) background(`help for ${queued.info.key}`, work);
  };

  return {
    unschedulable(queued, profile, diagnosis, prepared, started) {
      measures.attempt(queued, "unschedulable", started);
      settleOn(queued, diagnosis, helpFor(currentOf(queued), profile, diagnosis, prepared));
    },
    async unschedulableAsking(extenders, signal, queued, profile, diagnosis, prepared, started) {
      measures.attempt(queued, "unschedulable", started);
      const pod = currentOf(queued);
      const help = helpFor(pod, profile, diagnosis, prepared);
      settleOn(queued, diagnosis, help.candidate ? await narrowed(extenders, pod, help, () => cache.snapshot(), logger, signal) : help);
    },
    broken(queued, error, started, rejection) {
      measures.attempt(queued, rejection ? "unschedulable" : "error", started);
      logger.warn("scheduling failed, will be retried", { pod: queued.info.key, error });
      conclude(queued, rejection ? "Unschedulable" : "SchedulerError", error.message, () => queue.retry(queued), "");
    },
  };
}
