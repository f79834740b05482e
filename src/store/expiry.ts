/** Times to live: one timer, for the key that expires first. */
import type { Clock, Timer } from "../base/clock.ts";
import { Heap } from "../base/heap.ts";

interface Lease {
  key: string;
  revision: number;
  /** Wall clock, milliseconds. */
  at: number;
}

export class Expiry {
  readonly #clock: Clock;
  readonly #expire: (key: string, revision: number) => void;
  readonly #heap = new Heap<Lease>((a, b) => a.at < b.at || (a.at === b.at && a.revision < b.revision));
  #timer?: Timer;
  #armed = Number.POSITIVE_INFINITY;

  /** `expire` deletes the key if it still is at that revision. */
  constructor(clock: Clock, expire: (key: string, revision: number) => void) {
    this.#clock = clock;
    this.#expire = expire;
  }
  add(key: string, revision: number, at: number): void {
    this.#heap.push({ key, revision, at });
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
      const lease = this.#heap.peek();
      if (!lease || lease.at > now) break;
      this.#heap.pop();
      this.#expire(lease.key, lease.revision);
    }
    this.#arm();
  }
}
