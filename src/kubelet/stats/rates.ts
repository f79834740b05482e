/** How fast counters grow, from one look to a later one, without a timer: whoever looks brings the clock along. */

interface Look {
  time: number;
  value: number;
}

/** Milliseconds between two looks that make a rate, as upstream's housekeeping has it. */
const window = 10_000;
/** Below that, figures are noise. */
const least = 1000;
/** Milliseconds after which what nobody looks at is forgotten. */
const forgotten = 300_000;

export class Rates {
  readonly #known = new Map<string, { older?: Look; newer: Look }>();
  #swept = 0;

  /** Growth per second of what `key` counts; undefined before there are two looks far enough apart, and after it fell. */
  rate(key: string, time: number, value: number): number | undefined {
    this.#sweep(time);
    const known = this.#known.get(key);
    if (!known || value < known.newer.value || time < known.newer.time) {
      this.#known.set(key, { newer: { time, value } });
      return undefined;
    }
    const { older, newer } = known;
    const from = older && time - newer.time < window ? older : newer;
    if (time - newer.time >= window) this.#known.set(key, { older: newer, newer: { time, value } });
    const elapsed = time - from.time;
    return elapsed < least ? undefined : ((value - from.value) * 1000) / elapsed;
  }

  #sweep(time: number): void {
    if (time - this.#swept < forgotten) return;
    this.#swept = time;
    for (const [key, { newer }] of this.#known) if (time - newer.time > forgotten) this.#known.delete(key);
  }
}
