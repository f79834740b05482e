/**
 * Leader election by a Lease (k8s.io/client-go/tools/leaderelection): at most one of many candidates leads, as long as
 * their clocks run equally fast. A leader that cannot renew within `renewDeadline` stops before others may start.
 */
import { isNotFound } from "../api/status.ts";
import type { Lease, LeaseSpec } from "../api/types/coordination-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import { jittered, type Random, systemRandom } from "../base/random.ts";
import type { Client } from "./client.ts";
import { type EventRecorder, microTimestamp, referenceTo } from "./events.ts";
import { leases } from "./resources.gen.ts";

export interface LeaderElectionOptions {
  client: Client;
  clock: Clock;
  logger: Logger;
  random?: Random;
  /** Of the lease; kube-system and the component's name upstream. */
  namespace: string;
  name: string;
  /** Unique among the candidates: host name and a uuid. */
  identity: string;
  /** Milliseconds. @default 15000 */
  leaseDuration?: number;
  /** Milliseconds. @default 10000 */
  renewDeadline?: number;
  /** Milliseconds. @default 2000 */
  retryPeriod?: number;
  /** Told when this candidate begins and ceases to lead, about the lease. */
  events?: EventRecorder;
  /** Called when this candidate has become the holder, and whenever it has renewed since. */
  onRenewed?(): void;
  /** Called with each holder that is seen. */
  onNewLeader?(identity: string): void;
}

/** Randomised part of the wait between attempts to become leader. */
const jitterFactor = 1.2;

/** Milliseconds that the last event may take. */
const lastWords = 1000;

export class LeadershipLostError extends Error {
  override name = "LeadershipLostError";
}

/**
 * Waits to become leader, then runs `lead` with a signal that aborts when leadership is lost or `signal` aborts; gives the
 * lease back at the end. Rejects with LeadershipLostError when it was lost, resolves when `lead` does or `signal` aborts.
 */
export async function runAsLeader(options: LeaderElectionOptions, lead: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
  const elector = new Elector(options);
  const { clock, random = systemRandom, retryPeriod = 2000, renewDeadline = 10_000, logger } = options;
  while (!(await elector.tryAcquireOrRenew(signal))) {
    await clock.sleep(jittered(retryPeriod, jitterFactor, random), signal).catch(() => {});
    if (signal.aborted) return;
  }
  logger.info("became leader", { lease: `${options.namespace}/${options.name}`, identity: options.identity });
  elector.tell("became leader");
  options.onRenewed?.();
  const term = new AbortController();
  const leading = AbortSignal.any([signal, term.signal]);
  const work = lead(leading).finally(() => term.abort());
  let renewed = clock.monotonic();
  let lost = false;
  while (!leading.aborted) {
    await clock.sleep(retryPeriod, leading).catch(() => {});
    if (leading.aborted) break;
    const attempt = new AbortController();
    const timer = clock.after(Math.max(0, renewDeadline - (clock.monotonic() - renewed)), () => attempt.abort(new Error("renew deadline")));
    const ok = await elector.tryAcquireOrRenew(AbortSignal.any([leading, attempt.signal]));
    timer.cancel();
    if (ok) {
      renewed = clock.monotonic();
      options.onRenewed?.();
    } else if (!leading.aborted && clock.monotonic() - renewed >= renewDeadline) {
      lost = true;
      term.abort(new LeadershipLostError(`leader election lost: lease ${options.namespace}/${options.name}`));
    }
  }
  try {
    await work;
  } catch (error) {
    if (!lost && !signal.aborted) throw error;
  } finally {
    elector.tell("stopped leading");
    if (!lost) await elector.release();
    if (options.events && !lost) await Promise.race([options.events.flush(), clock.sleep(lastWords)]);
  }
  if (lost) throw term.signal.reason;
}

class Elector {
  readonly #options: LeaderElectionOptions;
  readonly #duration: number;
  /** The lease as last seen, and when its text last changed by our own clock: others' clocks are not compared. */
  #seen: Lease | undefined;
  #seenAt = 0;
  #reported = "";

  constructor(options: LeaderElectionOptions) {
    this.#options = options;
    this.#duration = options.leaseDuration ?? 15_000;
  }

  /** True when this candidate holds the lease afterwards. Never rejects. */
  async tryAcquireOrRenew(signal: AbortSignal): Promise<boolean> {
    const { client, namespace, name, identity, logger, clock } = this.#options;
    const api = client.resource(leases);
    try {
      let current = this.#seen?.spec.holderIdentity === identity && this.#valid() ? this.#seen : undefined;
      if (current) {
        const renewed = await api.update({ ...current, spec: this.#record(current.spec) }, { signal }).catch(() => undefined);
        if (renewed) return this.#observe(renewed);
      }
      try {
        current = await api.get(namespace, name, { signal });
      } catch (error) {
        if (!isNotFound(error)) throw error;
        return this.#observe(await api.create(namespace, { metadata: { name, namespace }, spec: this.#record() }, { signal }));
      }
      if (JSON.stringify(this.#seen?.spec) !== JSON.stringify(current.spec)) this.#observe(current);
      const held = current.spec.holderIdentity;
      if (held && held !== identity && this.#valid()) return false;
      return this.#observe(await api.update({ ...current, spec: this.#record(current.spec) }, { signal }));
    } catch (error) {
      if (!signal.aborted) logger.warn("lease not acquired", { lease: `${namespace}/${name}`, at: clock.now(), error });
      return false;
    }
  }

  tell(what: string): void {
    const { events, identity } = this.#options;
    if (this.#seen) events?.event(referenceTo(leases, this.#seen), "Normal", "LeaderElection", `${identity} ${what}`);
  }

  async release(): Promise<void> {
    const { client, identity, clock, logger } = this.#options;
    const held = this.#seen;
    if (held?.spec.holderIdentity !== identity) return;
    const now = microTimestamp(clock.now());
    const spec: LeaseSpec = { ...held.spec, holderIdentity: "", leaseDurationSeconds: 1, renewTime: now, acquireTime: now };
    try {
      await client.resource(leases).update({ ...held, spec });
    } catch (error) {
      logger.warn("lease not released", { error });
    }
  }

  #valid(): boolean {
    return this.#options.clock.monotonic() < this.#seenAt + this.#duration;
  }

  #observe(lease: Lease): boolean {
    this.#seen = lease;
    this.#seenAt = this.#options.clock.monotonic();
    const holder = lease.spec.holderIdentity ?? "";
    if (holder && holder !== this.#reported) {
      this.#reported = holder;
      this.#options.onNewLeader?.(holder);
    }
    return holder === this.#options.identity;
  }

  #record(old?: LeaseSpec): LeaseSpec {
    const { clock, identity } = this.#options;
    const now = microTimestamp(clock.now());
    const mine = old?.holderIdentity === identity;
    return {
      ...old,
      holderIdentity: identity,
      leaseDurationSeconds: Math.floor(this.#duration / 1000),
      acquireTime: mine ? old?.acquireTime : now,
      renewTime: now,
      leaseTransitions: old ? (old.leaseTransitions ?? 0) + (mine ? 0 : 1) : 0,
    };
  }
}
