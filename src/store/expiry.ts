/** Times to live: one timer, for the key that expires first. */
import type { Clock, Timer } from "../base/clock.ts";
import { Heap } from "../base/heap.ts";

/** When a key is looked at: it may have been given more time by then. */
interface Due {
  key: string;
  /** Wall clock, milliseconds. */
  at: number;
}
interface Lease extends Omit<Due, "key"> {
  revision: number;
}

export class Expiry {
  readonly #clock: Clock;
  readonly #expire: (key: string, revision: number) => void;
  /** What each key was given last: a key that is written again and again has one entry, not one for each write. */
  readonly #leases = new Map<string, Lease>();
  readonly #heap = new Heap<Due>((a, b) => a.at < b.at);
  #timer?: Timer;
  #armed = Number.POSITIVE_INFINITY;

  /** `expire` deletes the key if it still is at that revision. */
  constructor(clock: Clock, expire: (key: string, revision: number) => void) {
    this.#clock = clock;
    this.#expire = expire;
  }
  /** Of keys, also of those that have gone before their time. */
  get size(): number {
    return this.#heap.size;
  }
  add(key: string, revision: number, at: number): void {
    const before = this.#leases.get(key);
    if (before && before.revision > revision) return;
    this.#leases.set(key, { revision, at });
    if (before && before.at <= at) return;
    this.#heap.push({ key, at });
    this.#arm();
  }
  close(): void {
    this.#timer?.cancel();
    this.#armed = Number.NEGATIVE_INFINITY;
  }

  #arm(): void {
    const first = this.#heap.peek();
    if (!first || first.at >= this.#armed) return;
    this.#timer?.cancel();
    this.#armed = first.at;
    this.#timer = this.#clock.after(first.at - this.#clock.now(), () => this.#fire());
  }
  #fire(): void {
    this.#armed = Number.POSITIVE_INFINITY;
    const now = this.#clock.now();
    for (;;) {
      const due = this.#heap.peek();
      if (!due || due.at > now) break;
      this.#heap.pop();
      const lease = this.#leases.get(due.key);
      if (!lease) continue;
      if (lease.at > now) this.#heap.push({ key: due.key, at: lease.at });
      else {
        this.#leases.delete(due.key);
        this.#expire(due.key, lease.revision);
      }
    }
    this.#arm();
  }
}
