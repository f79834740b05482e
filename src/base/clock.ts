/**
 * Time, passed in everywhere. Only this file and random.ts touch the real clock; the virtual clock advances by hand, so
 * that tests and simulations need no sleeping.
 */

import { Heap } from "./heap.ts";

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Wall clock, milliseconds since the epoch. */
  now(): number;
  /** Milliseconds, never goes back. */
  monotonic(): number;
  /** Calls `fn` once after `ms`. The timer does not keep a process alive by itself. */
  after(ms: number, fn: () => void): Timer;
  /** Resolves after `ms`; rejects with the signal's reason when aborted. A program that only sleeps stays alive. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

function sleepOn(clock: Pick<Clock, "after">, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = (): void => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.after(ms, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** setTimeout's largest delay; longer ones are clamped to it (about 24.8 days). */
const maxDelay = 2 ** 31 - 1;

const startTimer = (ms: number, fn: () => void): NodeJS.Timeout => setTimeout(fn, Math.min(Math.max(ms, 0), maxDelay));

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, fn) {
    const handle = startTimer(ms, fn).unref();
    return { cancel: () => clearTimeout(handle) };
  },
  sleep(ms, signal) {
    const after = (delay: number, fn: () => void): Timer => {
      const handle = startTimer(delay, fn);
      return { cancel: () => clearTimeout(handle) };
    };
    return sleepOn({ after }, ms, signal);
  },
};

/** Stands still until advance() is called; timers fire in order of their time, then of their creation. */
export class VirtualClock implements Clock {
  #now: number;
  readonly #start: number;
  #sequence = 0;
  readonly #timers = new Heap<VirtualTimer>((a, b) => a.at < b.at || (a.at === b.at && a.sequence < b.sequence));

  constructor(start = Date.UTC(2026, 0, 1)) {
    this.#now = this.#start = start;
  }
  now(): number {
    return this.#now;
  }
  monotonic(): number {
    return this.#now - this.#start;
  }
  after(ms: number, fn: () => void): Timer {
    const timer: VirtualTimer = { at: this.#now + Math.max(0, ms), sequence: this.#sequence++, fn };
    this.#timers.push(timer);
    return {
      cancel: () => {
        timer.fn = undefined;
      },
    };
  }
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal);
  }
  /** Time of the next timer, or undefined. */
  next(): number | undefined {
    return this.#first()?.at;
  }
  /** Moves time forward by `ms`, firing what falls due; lets promises settle between timers. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (;;) {
      await settle();
      const due = this.#first();
      if (!due || due.at > until) break;
      this.#timers.pop();
      this.#now = Math.max(this.#now, due.at);
      due.fn?.();
    }
    this.#now = until;
    await settle();
  }
  #first(): VirtualTimer | undefined {
    while (this.#timers.peek() && !this.#timers.peek()?.fn) this.#timers.pop();
    return this.#timers.peek();
  }
}

interface VirtualTimer {
  at: number;
  sequence: number;
  /** Absent once cancelled. */
  fn: (() => void) | undefined;
}

/** Resolves when the promise jobs queued so far, and those they queue, have run. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
