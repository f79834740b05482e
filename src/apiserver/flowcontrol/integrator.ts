/** Moments over time of a number that changes in steps (k8s.io/apiserver/pkg/util/flowcontrol/fairqueuing/integrator.go). */

export interface Moments {
  seconds: number;
  average: number;
  /** Standard deviation. */
  deviation: number;
  max: number;
}

export class Integrator {
  #last: number;
  #value = 0;
  #max = 0;
  #seconds = 0;
  #sum = 0;
  #squares = 0;

  /** Times are a clock's monotonic(). */
  constructor(now: number) {
    this.#last = now;
  }
  set(value: number, now: number): void {
    this.#upTo(now);
    this.#value = value;
    if (value > this.#max) this.#max = value;
  }
  /** Since the last reset. */
  reset(now: number): Moments {
    this.#upTo(now);
    const average = this.#seconds > 0 ? this.#sum / this.#seconds : 0;
    const variance = this.#seconds > 0 ? this.#squares / this.#seconds - average * average : 0;
    const moments = { seconds: this.#seconds, average, deviation: Math.sqrt(Math.max(0, variance)), max: this.#max };
    this.#seconds = this.#sum = this.#squares = 0;
    this.#max = this.#value;
    return moments;
  }
  #upTo(now: number): void {
    const seconds = (now - this.#last) / 1000;
    this.#last = now;
    this.#seconds += seconds;
    this.#sum += this.#value * seconds;
    this.#squares += this.#value * this.#value * seconds;
  }
}

/** Smoothed demand of a level: rises at once, its half-life is five minutes. */
const smoothing = 0.977;

export interface Demand {
  highWatermark: number;
  average: number;
  deviation: number;
  smoothed: number;
}

export const noDemand: Demand = { highWatermark: 0, average: 0, deviation: 0, smoothed: 0 };

export function nextDemand(before: Demand, { seconds, average, deviation, max }: Moments): Demand {
  const highWatermark = Math.round(max);
  if (seconds <= 0) return { ...before, highWatermark };
  const envelope = average + deviation;
  return { highWatermark, average, deviation, smoothed: Math.max(envelope, smoothing * before.smoothed + (1 - smoothing) * envelope) };
}
