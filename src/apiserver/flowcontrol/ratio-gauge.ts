/** A ratio over time as a histogram of samples at the end of every nanosecond (k8s.io/component-base/metrics/timing_histogram.go). */

export class RatioGauge {
  readonly #observe: (value: number, weight: number) => void;
  #numerator = 0;
  #denominator = 1;
  #last: number;

  /** Times are a clock's monotonic(). */
  constructor(observe: (value: number, weight: number) => void, now: number) {
    this.#observe = observe;
    this.#last = now;
  }
  set(numerator: number, now: number): void {
    this.upTo(now);
    this.#numerator = numerator;
  }
  setDenominator(denominator: number, now: number): void {
    this.upTo(now);
    this.#denominator = denominator;
  }
  /** Before it is shown. */
  upTo(now: number): void {
    const nanoseconds = Math.round((now - this.#last) * 1e6);
    if (nanoseconds <= 0) return;
    this.#last = now;
    this.#observe(this.#numerator / this.#denominator, nanoseconds);
  }
}
