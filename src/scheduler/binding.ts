/** Carries a decision out: what plugins must do before, then the binding itself; undoes it when that fails. */
import { isNotFound } from "../api/status.ts";
import type { Pod } from "../api/types/core-v1.gen.ts";
import type { Logger } from "../base/logger.ts";
import type { ClusterCache } from "./cache/cluster-cache.ts";
import type { Extender } from "./extender.ts";
import type { FailureHandler } from "./failure.ts";
import { PreBindRejection, type Reservation } from "./framework/plugin.ts";
import type { SchedulerMeasures } from "./metrics.ts";
import type { PodWriter } from "./pod-writer.ts";
import type { QueuedPod, SchedulingQueue } from "./queue.ts";
import type { PodEvent } from "./recorder.ts";

export interface BindingOptions {
  queue: SchedulingQueue;
  cache: ClusterCache;
  writer: PodWriter;
  record(pod: Pod, event: PodEvent, related?: Pod): void;
  background(name: string, work: (signal: AbortSignal) => Promise<void>): void;
  measures: SchedulerMeasures;
  failed: FailureHandler;
  logger: Logger;
  extenders: readonly Extender[];
}

export type Bind = (queued: QueuedPod, node: string, reservations: readonly Reservation[], started: number) => void;

export function createBinding({ queue, cache, writer, record, background, measures, failed, logger, extenders }: BindingOptions): Bind {
  const boundByExtender = async (pod: Pod, node: string, signal: AbortSignal): Promise<boolean> => {
    for (const { bind, isInterested, ignorable, name } of extenders) {
      if (!bind || !isInterested(pod)) continue;
      try {
        await bind(pod, node, signal);
        return true;
      } catch (error) {
        if (!ignorable || signal.aborted) throw error;
        logger.warn("an extender failed to bind and is left out", { extender: name, error });
      }
    }
    return false;
  };

  return (queued, node, reservations, started) => {
    const { info } = queued;
    const tell: Parameters<NonNullable<Reservation["preBind"]>>[1] = (event) => record(info.pod, { type: "Normal", action: "Scheduling", ...event });
    const preBinds = reservations.filter(({ preBind }) => preBind);
    background(`binding of ${info.key}`, async (signal) => {
      try {
        if (preBinds.length) {
          // Tells others, such as an autoscaler, that the node will be needed.
          await writer.setStatus(info.pod, { nominatedNodeName: node }, signal).catch((error) => logger.warn("node not announced", { pod: info.key, error }));
          for (const reservation of preBinds) await reservation.preBind?.(signal, tell);
        }
        if (!(await boundByExtender(info.pod, node, signal))) await writer.bind(info.pod, node, signal);
      } catch (error) {
        for (const reservation of [...reservations].reverse()) reservation.unreserve();
        cache.forget(info.uid);
        queue.move({ source: "AssignedPod", actions: 2, old: info.pod }, (other) => other.uid !== info.uid);
        if (signal.aborted) return;
        if (isNotFound(error)) logger.info("pod is gone before its binding", { pod: info.key });
        return failed.broken(queued, error as Error, started, error instanceof PreBindRejection ? error.rejection : undefined);
      }
      queue.done(queued);
      measures.attemptScheduled(queued, started);
      record(info.pod, { type: "Normal", reason: "Scheduled", action: "Binding", note: `Successfully assigned ${info.key} to ${node}` });
    });
  };
}
