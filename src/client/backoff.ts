/** Exponential back-off with jitter, as client-go's reflectors use it (800 ms to 30 s, factor 2, jitter 1). */
import type { Clock } from "../base/clock.ts";
import { jittered, type Random, systemRandom } from "../base/random.ts";

export interface BackoffOptions {
  /** Milliseconds. */
  initial: number;
  max: number;
  /** @default 2 */
  factor?: number;
  /** The wait is stretched by a random part of itself, up to this. @default 1 */
  jitter?: number;
  /** Milliseconds of peace after which the next wait is `initial` again. */
  resetAfter?: number;
  random?: Random;
}

export class Backoff {
  readonly #options: BackoffOptions;
  readonly #clock: Clock;
  #next: number;
  #last = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, options: BackoffOptions) {
    this.#clock = clock;
    this.#options = options;
    this.#next = options.initial;
  }

  /** Milliseconds to wait before the next attempt. */
  next(): number {
    const { initial, max, factor = 2, jitter = 1, resetAfter = Number.POSITIVE_INFINITY, random = systemRandom } = this.#options;
    if (this.#clock.monotonic() - this.#last > resetAfter) this.#next = initial;
    this.#last = this.#clock.monotonic();
    const wait = this.#next;
    this.#next = Math.min(max, wait * factor);
    return jittered(wait, jitter, random);
  }

  reset(): void {
    this.#next = this.#options.initial;
  }
}
