/** How long rules and comparisons of custom resources take, for whoever counts it. Times are milliseconds. */
export interface RuleTimes {
  /** Monotonic. */
  now(): number;
  /** The rules of one schema were compiled. */
  compiled(took: number): void;
  /** One value was judged by the rules of its schema and of all within it. */
  evaluated(took: number): void;
  /** An update was judged; `took` went into finding out what it leaves as it was. */
  ratcheted(took: number): void;
}

/** A sum of times, of which one that begins while another runs is part. */
export class Stopwatch {
  readonly #times: RuleTimes;
  #depth = 0;
  total = 0;

  constructor(times: RuleTimes) {
    this.#times = times;
  }
  measure<T>(work: () => T): T {
    if (this.#depth > 0) return work();
    const began = this.#times.now();
    this.#depth++;
    try {
      return work();
    } finally {
      this.#depth--;
      this.total += this.#times.now() - began;
    }
  }
}
