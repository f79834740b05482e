/** Things to do later, in one heap with one timer of the clock, however many there are. */
import type { Clock, Timer } from "../base/clock.ts";
import { Heap } from "../base/heap.ts";

export interface Delayed {
  cancel(): void;
}
interface Entry extends Delayed {
  at: number;
  sequence: number;
  run: (() => void) | undefined;
}

export class DelayQueue {
  readonly #clock: Clock;
  readonly #granularity: number;
  readonly #heap = new Heap<Entry>((a, b) => a.at < b.at || (a.at === b.at && a.sequence < b.sequence));
  #sequence = 0;
  #timer: Timer | undefined;
  #armedFor = Number.POSITIVE_INFINITY;

  /** Times are rounded up to `granularity` milliseconds, so that one wake-up serves many. */
  constructor(clock: Clock, granularity: number) {
    this.#clock = clock;
    this.#granularity = granularity;
  }
  /** Calls `run` once after `ms`; equal times in order of addition. */
  add(ms: number, run: () => void): Delayed {
    const at = Math.ceil((this.#clock.monotonic() + ms) / this.#granularity) * this.#granularity;
    const entry: Entry = {
      at,
      sequence: this.#sequence++,
      run,
      cancel() {
        entry.run = undefined;
      },
    };
    this.#heap.push(entry);
    this.#arm();
    return entry;
  }
  close(): void {
    this.#timer?.cancel();
    while (this.#heap.pop());
  }

  #arm(): void {
    const first = this.#heap.peek();
    if (!first || first.at >= this.#armedFor) return;
    this.#timer?.cancel();
    this.#armedFor = first.at;
    this.#timer = this.#clock.after(first.at - this.#clock.monotonic(), () => this.#fire());
  }
  #fire(): void {
    this.#armedFor = Number.POSITIVE_INFINITY;
    // Timers may fire a fraction of a millisecond early.
    const now = this.#clock.monotonic() + 1;
    for (let first = this.#heap.peek(); first && first.at <= now; first = this.#heap.peek()) {
      this.#heap.pop();
      first.run?.();
    }
    this.#arm();
  }
}
