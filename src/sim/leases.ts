/**
 * Heartbeats of simulated nodes (KEP-589): one lease each, renewed by the node's own identity. Renewals are spread evenly
 * over the interval, so that thousands of nodes make an even trickle; nothing else is done for a node that just is.
 */
import { isAlreadyExists, isNotFound } from "../api/status.ts";
import type { Node } from "../api/types/core-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Client } from "../client/client.ts";
import { microTimestamp } from "../client/events.ts";
import { leases } from "../client/resources.gen.ts";
import type { Delayed, DelayQueue } from "./delay-queue.ts";
import type { WorkQueue } from "./work-queue.ts";

const namespace = "kube-node-lease";
const durationSeconds = 40;
/** Milliseconds; two renewals fit into the time after which the node controller doubts a node. */
const interval = 20_000;
/** Golden ratio: however many nodes there are, their first renewals fall evenly into the interval. */
const spread = 0.618_033_988_75;

export interface LeasesOptions {
  clientFor(nodeName: string): Client;
  clock: Clock;
  logger: Logger;
  delays: DelayQueue;
  work: WorkQueue;
}

export class Leases {
  readonly #options: LeasesOptions;
  readonly #nodes = new Map<string, { node: Node; next: Delayed | undefined; exists: boolean }>();
  #count = 0;

  constructor(options: LeasesOptions) {
    this.#options = options;
  }
  /** Renews at once, then regularly until removed. */
  keep(node: Node): void {
    const { name } = node.metadata;
    const known = this.#nodes.get(name);
    if (known) {
      known.node = node;
      return;
    }
    const entry = { node, next: undefined, exists: false };
    this.#nodes.set(name, entry);
    const first = interval * ((this.#count++ * spread) % 1);
    this.#options.work.add(() => this.#renew(name));
    this.#schedule(name, entry, Math.max(first, interval / 4));
  }
  remove(name: string): void {
    this.#nodes.get(name)?.next?.cancel();
    this.#nodes.delete(name);
  }

  #schedule(name: string, entry: { next: Delayed | undefined }, delay: number): void {
    entry.next = this.#options.delays.add(delay, () => {
      this.#options.work.add(() => this.#renew(name));
      this.#schedule(name, entry, interval);
    });
  }

  async #renew(name: string): Promise<void> {
    const { clientFor, clock, logger } = this.#options;
    const entry = this.#nodes.get(name);
    if (!entry) return;
    const api = clientFor(name).resource(leases);
    const spec = { holderIdentity: name, leaseDurationSeconds: durationSeconds, renewTime: microTimestamp(clock.now()) };
    const create = (): Promise<unknown> => {
      const ownerReferences = [{ apiVersion: "v1", kind: "Node", name, uid: entry.node.metadata.uid }];
      return api.create(namespace, { metadata: { name, ownerReferences }, spec });
    };
    const renew = (): Promise<unknown> => api.patch(namespace, name, "merge", { spec });
    try {
      await (entry.exists ? renew() : create()).catch((error: unknown) => {
        if (isAlreadyExists(error)) return renew();
        if (isNotFound(error)) return create();
        throw error;
      });
      entry.exists = true;
    } catch (error) {
      logger.warn("a node's lease was not renewed", { node: name, error });
    }
  }
}
