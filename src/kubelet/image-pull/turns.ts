/** How many pulls go on at the same time, and how many may begin in a second (upstream's puller.go, helpers.go). */
import type { Clock } from "../../base/clock.ts";

export interface TurnsOptions {
  clock: Clock;
  /** Infinity: no bound. */
  parallel: number;
  /** Pulls a second, with bursts; 0: no bound. */
  qps: number;
  burst: number;
}

export class Turns {
  readonly #options: TurnsOptions;
  #running = 0;
  #tokens: number;
  #counted: number;
  readonly #waiting: (() => void)[] = [];
  constructor(options: TurnsOptions) {
    this.#options = options;
    this.#tokens = options.burst;
    this.#counted = options.clock.monotonic();
  }
  /** Runs the pulls in the order of their asking. Rejects as the signal does, and when too many began. */
  async take<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    while (this.#running >= this.#options.parallel) await this.#wait(signal);
    signal.throwIfAborted();
    this.#running++;
    try {
      this.#count();
      return await work();
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }
  async #wait(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    signal.addEventListener("abort", () => resolve(), { once: true });
    await promise;
    const at = this.#waiting.indexOf(resolve);
    if (at >= 0) this.#waiting.splice(at, 1);
    // Woken and given up at the same time: the turn is the next one's.
    else if (signal.aborted) this.#waiting.shift()?.();
    signal.throwIfAborted();
  }
  #count(): void {
    const { clock, qps, burst } = this.#options;
    if (qps <= 0) return;
    const now = clock.monotonic();
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#counted) / 1000) * qps);
    this.#counted = now;
    if (this.#tokens < 1) throw new Error("pull QPS exceeded");
    this.#tokens--;
  }
}
