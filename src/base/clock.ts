/**
 * Time, passed in everywhere. Only this file and random.ts touch the real clock; the virtual clock advances by hand, so
 * that tests and simulations need no sleeping.
 */

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
  #timers: { at: number; sequence: number; fn: () => void }[] = [];

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
    const timer = { at: this.#now + Math.max(0, ms), sequence: this.#sequence++, fn };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((t) => t !== timer);
      },
    };
  }
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal);
  }
  /** Time of the next timer, or undefined. */
  next(): number | undefined {
    return this.#timers.reduce<number | undefined>((min, t) => (min === undefined || t.at < min ? t.at : min), undefined);
  }
  /** Moves time forward by `ms`, firing what falls due; lets promises settle between timers. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (;;) {
      await settle();
      const due = this.#timers.filter((t) => t.at <= until).sort((a, b) => a.at - b.at || a.sequence - b.sequence)[0];
      if (!due) break;
      this.#timers = this.#timers.filter((t) => t !== due);
      this.#now = Math.max(this.#now, due.at);
      due.fn();
    }
    this.#now = until;
    await settle();
  }
}

/** Resolves when the promise jobs queued so far, and those they queue, have run. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
