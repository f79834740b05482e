/**
 * Events in events.k8s.io/v1, as upstream's scheduler records them (k8s.io/client-go/tools/events): the same event again
 * becomes a series. Recording never waits and never fails the caller; at most 10,000 wait, what is refused is dropped.
 */
import { isAlreadyExists, isNotFound, StatusError } from "../api/status.ts";
import type { Pod } from "../api/types/core-v1.gen.ts";
import type { Event } from "../api/types/events-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Client } from "../client/client.ts";
import { microTimestamp, referenceTo } from "../client/events.ts";
import { eventsEventsV1, pods } from "../client/resources.gen.ts";

export interface PodEvent {
  type: "Normal" | "Warning";
  reason: "Scheduled" | "FailedScheduling" | "Preempted" | "BindingConditionsPending";
  action: "Binding" | "Scheduling" | "Preempting";
  note: string;
}

export interface PodEventRecorder {
  record(pod: Pod, event: PodEvent, related?: Pod): void;
}

interface Known {
  readonly name: string;
  count: number;
  /** Milliseconds, monotonic. */
  at: number;
}

const maxWaiting = 10_000;
const parallel = 8;
const maxTries = 12;
const retryDelay = 10_000;
/** How long the same event counts as the same series. */
const seriesEnd = 6 * 60_000;
const noteLimit = 1024;

const shorten = (note: string): string => (note.length <= noteLimit ? note : `${note.slice(0, noteLimit - 4)} ...`);

export function createPodEventRecorder(options: {
  client: Client;
  clock: Clock;
  logger: Logger;
  controller: string;
  instance: string;
  signal: AbortSignal;
}): PodEventRecorder {
  const { clock, logger, signal, controller, instance } = options;
  const api = options.client.resource(eventsEventsV1);
  const known = new Map<string, Known>();
  const waiting: (() => Promise<void>)[] = [];
  let running = 0;
  let last = 0n;

  const work = async (): Promise<void> => {
    for (let job = waiting.shift(); job && !signal.aborted; job = waiting.shift()) await job();
    running--;
  };
  const attempt = async (send: () => Promise<unknown>): Promise<void> => {
    for (let tries = 1; ; tries++) {
      try {
        await send();
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (isAlreadyExists(error) || isNotFound(error) || (error instanceof StatusError && error.code < 500 && error.code !== 429)) {
          logger.debug("event refused", { error });
          return;
        }
        if (tries >= maxTries) {
          logger.error("event given up", { error, tries });
          return;
        }
        await clock.sleep(retryDelay, signal).catch(() => {});
      }
    }
  };
  const enqueue = (job: () => Promise<void>): void => {
    if (waiting.length >= maxWaiting) {
      logger.warn("event dropped: too many wait");
      return;
    }
    waiting.push(job);
    if (running >= parallel) return;
    running++;
    void work();
  };
  const forgetOld = (now: number): void => {
    for (const [key, { at }] of known) {
      if (now - at < seriesEnd) break;
      known.delete(key);
    }
  };

  return {
    record(pod, { type, reason, action, note }, relatedPod) {
      if (signal.aborted) return;
      const regarding = referenceTo(pods, pod);
      const related = relatedPod && referenceTo(pods, relatedPod);
      const key = JSON.stringify([type, action, reason, regarding, related]);
      const now = clock.monotonic();
      forgetOld(now);
      const namespace = pod.metadata.namespace || "default";
      const time = microTimestamp(clock.now());
      const same = known.get(key);
      if (same) {
        known.delete(key);
        known.set(key, same);
        same.at = now;
        // Upstream writes the beginning of a series at once and counts on silently.
        if (++same.count === 2) {
          const series = { count: 2, lastObservedTime: time };
          enqueue(() => attempt(() => api.patch(namespace, same.name, "strategic", { series }, { signal })));
        }
        return;
      }
      const nanoseconds = BigInt(Math.floor(clock.now())) * 1_000_000n;
      last = nanoseconds > last ? nanoseconds : last + 1n;
      const name = `${pod.metadata.name.slice(0, 230)}.${last.toString(16)}`;
      known.set(key, { name, count: 1, at: now });
      const event: Partial<Event> = {
        eventTime: time,
        reportingController: controller,
        reportingInstance: instance,
        action,
        reason,
        regarding,
        ...(related ? { related } : {}),
        note: shorten(note),
        type,
      };
      enqueue(() => attempt(() => api.create(namespace, { ...event, metadata: { name, namespace } }, { signal })));
    },
  };
}
