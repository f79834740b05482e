/** A rate that allows bursts (golang.org/x/time/rate). */
import type { Clock } from "./clock.ts";

/** `qps` tokens a second, `burst` at once. */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #qps: number;
  readonly #burst: number;
  #tokens: number;
  #at: number;

  constructor(clock: Clock, qps: number, burst: number) {
    this.#clock = clock;
    this.#qps = qps;
    this.#burst = burst;
    this.#tokens = burst;
    this.#at = clock.monotonic();
  }

  /** Takes one token, from the future if need be: milliseconds until it is there. */
  reserve(): number {
    const now = this.#clock.monotonic();
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#at) / 1000) * this.#qps);
    this.#at = now;
    this.#tokens -= 1;
    return this.#tokens >= 0 ? 0 : (-this.#tokens / this.#qps) * 1000;
  }
  /** Takes one token if there is one. */
  tryTake(): boolean {
    if (this.reserve() === 0) return true;
    this.#tokens += 1;
    return false;
  }
}
