/** Metrics of the controllers' own: made when a controller starts, kept when it starts again. */
import { type Histogram, Metrics, type Value } from "../../base/metrics.ts";

/** Present values with those of the labels. */
export type Reading = Iterable<readonly [value: number, ...labels: string[]]>;

/** Bounds of a histogram, each `factor` times the one before. */
export const exponential = (start: number, factor: number, count: number): number[] => Array.from({ length: count }, (_, i) => start * factor ** i);

export class Measures {
  readonly #metrics: Metrics;
  readonly #made = new Map<string, Value | Histogram>();
  readonly #reads = new Map<string, () => Reading>();

  constructor(metrics = new Metrics()) {
    this.#metrics = metrics;
    metrics.onCollect(() => {
      for (const [name, read] of this.#reads) {
        const value = this.#made.get(name) as Value;
        value.clear();
        for (const [now, ...labels] of read()) value.set(now, ...labels);
      }
    });
  }

  /** With `read`, its values are looked up when they are asked for, and what is no more is not shown. */
  counter(name: string, help: string, labels: readonly string[] = [], read?: () => Reading): Value {
    if (read) this.#reads.set(name, read);
    return this.#once(name, () => this.#metrics.counter(name, help, labels));
  }
  gauge(name: string, help: string, labels: readonly string[], read?: () => Reading): Value {
    if (read) this.#reads.set(name, read);
    return this.#once(name, () => this.#metrics.gauge(name, help, labels));
  }
  histogram(name: string, help: string, buckets: readonly number[], labels: readonly string[] = []): Histogram {
    return this.#once(name, () => this.#metrics.histogram(name, help, buckets, labels));
  }

  #once<M extends Value | Histogram>(name: string, make: () => M): M {
    const known = this.#made.get(name) as M | undefined;
    const metric = known ?? make();
    this.#made.set(name, metric);
    return metric;
  }
}

/** How many of the things have each combination of labels. Pure. */
export function countBy<T>(things: Iterable<T>, labelsOf: (thing: T) => readonly string[] | undefined): [number, ...string[]][] {
  const counts = new Map<string, [number, ...string[]]>();
  for (const thing of things) {
    const labels = labelsOf(thing);
    if (!labels) continue;
    const key = JSON.stringify(labels);
    const entry = counts.get(key) ?? [0, ...labels];
    entry[0]++;
    counts.set(key, entry);
  }
  return [...counts.values()];
}
