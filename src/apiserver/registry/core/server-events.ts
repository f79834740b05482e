/** Events that the API server itself tells of objects, as a recorder of events.k8s.io writes them; each is told once, or again after many. */
import type { KubeObject } from "../../../api/object.ts";
import { formatTime } from "../../../api/time.ts";
import type { Clock } from "../../../base/clock.ts";
import type { Logger } from "../../../base/logger.ts";
import type { Random } from "../../../base/random.ts";
import type { ResourceCache } from "../../../cache/cache.ts";
import { completeObject } from "../../rest/wire.ts";

export interface ServerEventsOptions {
  /** Of `events`. */
  events: ResourceCache;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** Of this machine; part of who reports. */
  hostname: string;
  ttlSeconds: number;
}

export interface ServerEvent {
  controller: string;
  reason: string;
  action: string;
  message: string;
}

const mostTold = 10_000;

export class ServerEvents {
  readonly #options: ServerEventsOptions;
  readonly #told = new Set<string>();
  constructor(options: ServerEventsOptions) {
    this.#options = options;
  }

  /** Never rejects: who tells goes on. */
  async warn(kind: string, apiVersion: string, { metadata }: KubeObject, { controller, reason, action, message }: ServerEvent): Promise<void> {
    const { events, clock, random, logger, hostname, ttlSeconds } = this.#options;
    const key = `${metadata.uid} ${reason} ${message}`;
    if (this.#told.has(key)) return;
    if (this.#told.size >= mostTold) this.#told.clear();
    this.#told.add(key);
    const now = clock.now();
    const nanoseconds = BigInt(Math.floor(now)) * 1_000_000n + BigInt(random.int(1_000_000));
    const { name, namespace = "", uid, resourceVersion } = metadata;
    const event = completeObject("v1", "Event", {
      kind: "Event",
      apiVersion: "v1",
      metadata: {
        name: `${name}.${nanoseconds.toString(16)}`,
        namespace: namespace || "default",
        uid: random.uuid(),
        creationTimestamp: formatTime(now),
      },
      involvedObject: { kind, apiVersion, name, ...(namespace ? { namespace } : {}), uid, resourceVersion },
      reason,
      message,
      type: "Warning",
      source: {},
      firstTimestamp: null,
      lastTimestamp: null,
      eventTime: `${formatTime(now).slice(0, 19)}.${String(Math.floor(now) % 1000).padStart(3, "0")}000Z`,
      action,
      reportingComponent: controller,
      reportingInstance: `${controller}-${hostname}`,
    });
    try {
      await events.create(event, { ttlSeconds });
    } catch (error) {
      logger.warn("event not stored", { reason, message, error });
    }
  }
}
