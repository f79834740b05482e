/**
 * Events about objects, core/v1, as kubectl describe shows them. Recording never waits and never fails the caller: at most
 * 1000 events wait, each is tried 12 times, what cannot be delivered is logged and dropped. Order is kept.
 */
import type { KubeObject } from "../api/object.ts";
import { isAlreadyExists, isNotFound, StatusError } from "../api/status.ts";
import type { Event, ObjectReference } from "../api/types/core-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import { type Random, systemRandom } from "../base/random.ts";
import type { Client, Resource } from "./client.ts";
import { EventCorrelator } from "./event-correlator.ts";
import { events } from "./resources.gen.ts";

export type EventType = "Normal" | "Warning";

export interface EventRecorder {
  event(about: ObjectReference, type: EventType, reason: string, message: string, annotations?: Record<string, string>): void;
  /** Resolves when all that was recorded so far has been delivered or given up. */
  flush(): Promise<void>;
}

export interface EventRecorderOptions {
  client: Client;
  clock: Clock;
  logger: Logger;
  random?: Random;
  /** `deployment-controller`, `kubelet`, ... */
  component: string;
  /** Node name, for components that run on one. */
  host?: string;
  signal?: AbortSignal;
}

const maxQueued = 1000;
const maxTries = 12;
const retryDelay = 10_000;

/** The reference by which events and owner references name an object; `fieldPath` such as `spec.containers{app}`. */
export function referenceTo<T extends KubeObject>(resource: Resource<T>, object: T, fieldPath?: string): ObjectReference {
  const { name, namespace, uid, resourceVersion } = object.metadata;
  return {
    kind: resource.kind,
    apiVersion: resource.group ? `${resource.group}/${resource.version}` : resource.version,
    name,
    ...(namespace ? { namespace } : {}),
    uid,
    resourceVersion,
    ...(fieldPath ? { fieldPath } : {}),
  };
}

export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const { clock, logger, component, host = "", random = systemRandom, signal } = options;
  const client = options.client.resource(events);
  const correlator = new EventCorrelator(clock);
  let queue: Event[] = [];
  let running: Promise<void> | undefined;
  let last = 0n;

  const deliver = async (fresh: Event): Promise<void> => {
    const correlated = correlator.correlate(fresh);
    if (!correlated) return;
    const { event, key } = correlated;
    let { existing } = correlated;
    for (let tries = 1; ; tries++) {
      try {
        const { namespace = "", name } = event.metadata;
        const { count, lastTimestamp, message } = event;
        const stored = existing
          ? await client.patch(namespace, name, "strategic", { count, lastTimestamp, message }, { signal })
          : await client.create(namespace, event, { signal });
        correlator.stored(key, stored);
        return;
      } catch (error) {
        if (signal?.aborted) return;
        if (existing && isNotFound(error)) {
          existing = false;
          continue;
        }
        correlator.lost(key);
        // A namespace that is going away takes no events; anything else the server has understood is final as well.
        if (isAlreadyExists(error) || (error instanceof StatusError && error.code < 500 && error.code !== 429)) {
          logger.debug("event refused", { error, reason: event.reason });
          return;
        }
        if (tries >= maxTries) {
          logger.error("event given up", { error, reason: event.reason, tries });
          return;
        }
        await clock.sleep(tries === 1 ? retryDelay * random.next() : retryDelay, signal).catch(() => {});
      }
    }
  };
  const run = async (): Promise<void> => {
    while (queue.length && !signal?.aborted) {
      const batch = queue;
      queue = [];
      for (const event of batch) await deliver(event);
    }
    running = undefined;
  };

  return {
    event(about, type, reason, message, annotations) {
      if (signal?.aborted) return;
      if (queue.length >= maxQueued) {
        logger.warn("event dropped: too many wait", { reason, message });
        return;
      }
      // The clock counts milliseconds: in one of them several components may tell of the same object.
      const nanoseconds = BigInt(Math.floor(clock.now())) * 1_000_000n + BigInt(random.int(1_000_000));
      last = nanoseconds > last ? nanoseconds : last + 1n;
      const time = timestamp(clock.now());
      queue.push({
        metadata: {
          name: eventName(about.name ?? "", last, random),
          namespace: about.namespace || "default",
          ...(annotations ? { annotations } : {}),
        } as Event["metadata"],
        involvedObject: about,
        reason,
        message,
        source: { component, ...(host ? { host } : {}) },
        firstTimestamp: time,
        lastTimestamp: time,
        count: 1,
        type,
        reportingComponent: component,
        reportingInstance: host,
      });
      running ??= run();
    },
    async flush() {
      while (running) await running;
    },
  };
}

/** RFC 3339 in whole seconds, as metav1.Time has it. */
export const timestamp = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;
/** RFC 3339 in microseconds, as metav1.MicroTime has it. */
export const microTimestamp = (ms: number): string => {
  const micros = Math.floor((ms % 1000) * 1000);
  return `${new Date(ms).toISOString().slice(0, 19)}.${String(micros).padStart(6, "0")}Z`;
};

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** `<object>.<nanoseconds in hex>`; a uuid where that is not a legal name. */
function eventName(object: string, nanoseconds: bigint, random: Random): string {
  const name = `${object}.${nanoseconds.toString(16)}`;
  return name.length <= 253 && subdomain.test(name) ? name : random.uuid();
}
