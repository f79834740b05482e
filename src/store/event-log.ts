/** The newest changes of a store, in memory, one per revision without a gap. */
import type { StoreEvent } from "./store.ts";

export class EventLog<E extends StoreEvent = StoreEvent> {
  #events: E[] = [];
  /** Index of the first event that still counts. */
  #head = 0;
  #last: number;

  /** `revision`: the one before the first event to come. */
  constructor(revision: number) {
    this.#last = revision;
  }
  /** Revision up to which events are not here any more. */
  get floor(): number {
    return this.#last - (this.#events.length - this.#head);
  }
  get last(): number {
    return this.#last;
  }

  /** `event.revision` must be `last + 1`. */
  push(event: E): void {
    this.#events.push(event);
    this.#last = event.revision;
  }
  /** At most `limit` events after `revision`, which must not be below the floor. */
  after(revision: number, limit: number): E[] {
    const from = this.#events.length - (this.#last - revision);
    return this.#events.slice(Math.max(from, this.#head), from + limit);
  }
  /** Forgets the events up to and including `revision`. */
  drop(revision: number): void {
    const head = Math.min(this.#events.length, this.#events.length - (this.#last - revision));
    if (head <= this.#head) return;
    // The array is cut only now and then; what it no longer needs is let go at once.
    for (let i = this.#head; i < head; i++) (this.#events as (E | undefined)[])[i] = undefined;
    this.#head = head;
    if (this.#head < 1024 || this.#head * 2 < this.#events.length) return;
    this.#events = this.#events.slice(this.#head);
    this.#head = 0;
  }
}

/** Wakes everything that waits for a change of state. */
export class Notifier {
  #waiting = new Set<() => void>();

  notify(): void {
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const wake of waiting) wake();
  }
  /** Resolves at the next notify() or when the signal aborts, whichever is first. */
  wait(signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal?.addEventListener("abort", wake, { once: true });
    });
  }
}

export interface FollowSource {
  /** At most `limit` events after `revision`, in order, none left out; throws CompactedError or StoreError. */
  after(revision: number, limit: number): StoreEvent[];
  changed: Notifier;
}

/** A watch over a source that keeps its own history: the position is the only state, so a slow reader costs nothing. */
export async function* follow(source: FollowSource, prefix: string, fromRevision: number, signal: AbortSignal): AsyncGenerator<StoreEvent[], void> {
  const atOnce = 1000;
  let at = fromRevision;
  while (!signal.aborted) {
    const events = source.after(at, atOnce);
    const newest = events.at(-1);
    if (newest === undefined) {
      await source.changed.wait(signal);
      continue;
    }
    const first = events[0] as StoreEvent;
    const fresh = first.revision > at ? events : events.filter((event) => event.revision > at);
    at = Math.max(at, newest.revision);
    const matching = prefix === "" ? fresh : fresh.filter((event) => event.key.startsWith(prefix));
    if (matching.length > 0) yield matching;
  }
}
