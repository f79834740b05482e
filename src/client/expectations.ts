/**
 * What a controller has written and its cache has not shown yet (k8s.io/kubernetes/pkg/controller/controller_utils.go):
 * while creations or deletions of a key are outstanding the cache is behind, and deciding again would act twice.
 * Outstanding entries are forgotten after five minutes, so a lost event delays but never stops a controller.
 * Where a request ended without an answer nothing is certain until recount() was told what the server has.
 */
import { StatusError } from "../api/status.ts";
import type { Clock } from "../base/clock.ts";
import { TransportError } from "./transport.ts";

const lifetime = 300_000;

interface Outstanding {
  creations: number;
  deletions: Set<string>;
  since: number;
}

/** The server may have carried out what this is the failure of. */
export const isOutcomeUnknown = (error: unknown): boolean => error instanceof TransportError || (error instanceof StatusError && error.code >= 500);

export class Expectations {
  readonly #clock: Clock;
  readonly #doubtful = new Set<string>();
  readonly #keys = new Map<string, Outstanding>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True when the cache shows all that was written for the key. */
  satisfied(key: string): boolean {
    if (this.#doubtful.has(key)) return false;
    const entry = this.#keys.get(key);
    if (!entry) return true;
    if (entry.creations > 0 || entry.deletions.size > 0) return this.#clock.monotonic() - entry.since > lifetime;
    return true;
  }

  /** Before creating `count` objects; each failure is taken back with creationSeen. */
  expectCreations(key: string, count: number): void {
    const entry = this.#entry(key);
    entry.creations += count;
  }
  /** Before deleting these; a failure is taken back with deletionSeen. */
  expectDeletions(key: string, uids: Iterable<string>): void {
    const entry = this.#entry(key);
    for (const uid of uids) entry.deletions.add(uid);
  }
  creationSeen(key: string): void {
    const entry = this.#keys.get(key);
    if (entry && entry.creations > 0) entry.creations--;
  }
  deletionSeen(key: string, uid: string): void {
    this.#keys.get(key)?.deletions.delete(uid);
  }
  /** A creation or deletion ended without an answer: instead of creationSeen or deletionSeen. */
  doubt(key: string): void {
    this.#doubtful.add(key);
  }
  isDoubtful(key: string): boolean {
    return this.#doubtful.has(key);
  }
  /** Ends the doubt: so many objects exist that the cache has not shown, and of the deletions these were carried out unseen. */
  recount(key: string, creations: number, isOutstanding: (uid: string) => boolean): void {
    this.#doubtful.delete(key);
    const deletions = new Set([...(this.#keys.get(key)?.deletions ?? [])].filter(isOutstanding));
    this.#keys.set(key, { creations, deletions, since: this.#clock.monotonic() });
  }
  /** The key's object is gone. */
  forget(key: string): void {
    this.#doubtful.delete(key);
    this.#keys.delete(key);
  }

  #entry(key: string): Outstanding {
    const old = this.#keys.get(key);
    const entry: Outstanding = {
      creations: old && !this.#stale(old) ? old.creations : 0,
      deletions: old && !this.#stale(old) ? old.deletions : new Set(),
      since: this.#clock.monotonic(),
    };
    this.#keys.set(key, entry);
    return entry;
  }
  #stale(entry: Outstanding): boolean {
    return this.#clock.monotonic() - entry.since > lifetime;
  }
}
