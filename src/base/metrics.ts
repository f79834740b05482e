/**
 * Counters, gauges and histograms with labels, written in Prometheus' text format 0.0.4. No clock of their own. Who counts
 * on a hot path binds the series once (`with`, `series`): a label set is looked up by a text made of it.
 */

/** Seconds: what Prometheus' libraries take where nobody says which. */
export const defaultBuckets: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export type LabelValues = readonly string[];

interface Metric {
  readonly name: string;
  /** Begins anew: series are shown again when something is told to them. */
  reset(): void;
  write(out: string[]): void;
}

const escapeLabel = (value: string): string => value.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n");
const number = (value: number): string => (value === Number.POSITIVE_INFINITY ? "+Inf" : String(value));

/** As Go writes bounds (strconv 'g'): rules and dashboards name them by their text. */
function boundText(value: number): string {
  const size = Math.abs(value);
  if (size === 0 || (size >= 1e-4 && size < 1e6)) return String(value);
  return value.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
}

function labelText(names: readonly string[], values: LabelValues): string {
  return names.map((name, i) => `${name}="${escapeLabel(values[i] ?? "")}"`).join(",");
}

/** One series, bound to its labels. `value` is what is shown; shown nowhere any more once its metric was cleared of it. */
export interface Sample {
  value: number;
}

interface Labelled extends Sample {
  readonly values: LabelValues;
  /** The value that it had when it was hidden, and that it still has. */
  hidden?: number;
  /** Of the labels, made when it is first shown. */
  text?: string;
}

/** A value per combination of label values. Used for counters (which only grow) and gauges alike. */
export class Value implements Metric {
  readonly name: string;
  readonly #help: string;
  readonly #type: "counter" | "gauge";
  readonly #labels: readonly string[];
  readonly #values = new Map<string, Labelled>();
  constructor(type: "counter" | "gauge", name: string, help: string, labels: readonly string[]) {
    this.name = name;
    this.#type = type;
    this.#help = help;
    this.#labels = labels;
  }
  /** The series of these labels, at 0 where it is new. */
  with(...values: string[]): Sample {
    return this.#of(values);
  }
  #of(values: string[]): Labelled {
    const key = values.join("\u0000");
    let sample = this.#values.get(key);
    if (!sample) {
      sample = { values, value: 0 };
      this.#values.set(key, sample);
    }
    return sample;
  }
  add(by: number, ...values: string[]): void {
    this.with(...values).value += by;
  }
  inc(...values: string[]): void {
    this.with(...values).value++;
  }
  set(value: number, ...values: string[]): void {
    const sample: Labelled = this.#of(values);
    sample.value = value;
    delete sample.hidden;
  }
  /** Present value; 0 for what was never touched. */
  get(...values: string[]): number {
    return this.#values.get(values.join("\u0000"))?.value ?? 0;
  }
  /** Shows the series of these labels no more. */
  delete(...values: string[]): void {
    this.#values.delete(values.join("\u0000"));
  }
  /** Shows none of its series any more: before those that there are now are set. */
  clear(): void {
    this.#values.clear();
  }
  /** Counters begin at 0. What a gauge tells stays true: it is but hidden, and one without labels not even that. */
  reset(): void {
    for (const sample of this.#values.values()) {
      if (this.#type === "counter") sample.value = 0;
      if (this.#labels.length) sample.hidden = sample.value;
    }
  }
  write(out: string[]): void {
    const shown = [...this.#values.values()].filter((sample) => sample.hidden === undefined || sample.hidden !== sample.value);
    if (shown.length === 0) return;
    out.push(`# HELP ${this.name} ${this.#help}`, `# TYPE ${this.name} ${this.#type}`);
    for (const sample of shown) {
      delete sample.hidden;
      sample.text ??= labelText(this.#labels, sample.values);
      out.push(sample.text ? `${this.name}{${sample.text}} ${number(sample.value)}` : `${this.name} ${number(sample.value)}`);
    }
  }
}

interface Series {
  values: LabelValues;
  counts: Float64Array;
  sum: number;
  count: number;
  /** Until something is observed. */
  hidden?: boolean;
  /** Of the labels, made when it is first shown. */
  text?: string;
}

/** Observations in cumulative buckets, upper bounds inclusive, ascending. */
export class Histogram implements Metric {
  readonly name: string;
  readonly #help: string;
  readonly #labels: readonly string[];
  readonly #buckets: readonly number[];
  readonly #bounds: readonly string[];
  readonly #series = new Map<string, Series>();
  constructor(name: string, help: string, buckets: readonly number[], labels: readonly string[]) {
    this.name = name;
    this.#help = help;
    this.#buckets = buckets;
    this.#bounds = buckets.map(boundText);
    this.#labels = labels;
  }
  observe(value: number, ...values: string[]): void {
    this.#add(this.#seriesOf(values), value, 1);
  }
  /** Observes in one series, without looking for it each time. */
  series(...values: string[]): (value: number) => void {
    const series = this.#seriesOf(values);
    return (value) => this.#add(series, value, 1);
  }
  /** The same for a value that is observed `weight` times at once. */
  weighted(...values: string[]): (value: number, weight: number) => void {
    const series = this.#seriesOf(values);
    return (value, weight) => this.#add(series, value, weight);
  }
  #seriesOf(values: LabelValues): Series {
    const key = values.join("\u0000");
    let series = this.#series.get(key);
    if (!series) {
      series = { values, counts: new Float64Array(this.#buckets.length), sum: 0, count: 0 };
      this.#series.set(key, series);
    }
    return series;
  }
  #add(series: Series, value: number, weight: number): void {
    let i = 0;
    while (i < this.#buckets.length && value > (this.#buckets[i] as number)) i++;
    if (i < this.#buckets.length) series.counts[i] = (series.counts[i] as number) + weight;
    series.sum += value * weight;
    series.count += weight;
  }
  /** One without labels goes on. */
  reset(): void {
    if (!this.#labels.length) return;
    for (const series of this.#series.values()) {
      series.counts.fill(0);
      series.sum = 0;
      series.count = 0;
      series.hidden = true;
    }
  }
  write(out: string[]): void {
    const shown = [...this.#series.values()].filter(({ hidden, count }) => !hidden || count > 0);
    if (shown.length === 0) return;
    const { name } = this;
    out.push(`# HELP ${name} ${this.#help}`, `# TYPE ${name} histogram`);
    for (const series of shown) {
      const { values, counts, sum, count } = series;
      series.text ??= labelText(this.#labels, values);
      const labels = series.text;
      const comma = labels ? "," : "";
      let below = 0;
      this.#bounds.forEach((bound, i) => {
        below += counts[i] as number;
        out.push(`${name}_bucket{${labels}${comma}le="${bound}"} ${below}`);
      });
      out.push(`${name}_bucket{${labels}${comma}le="+Inf"} ${count}`);
      out.push(labels ? `${name}_sum{${labels}} ${number(sum)}` : `${name}_sum ${number(sum)}`);
      out.push(labels ? `${name}_count{${labels}} ${count}` : `${name}_count ${count}`);
    }
  }
}

function started(value: Value, labels: readonly string[]): Value {
  if (!labels.length) value.with();
  return value;
}

/** The metrics of one component; names are unique within it. */
export class Metrics {
  readonly #metrics = new Map<string, Metric>();
  readonly #collectors: (() => void)[] = [];
  readonly #others: Metrics[] = [];

  #add<M extends Metric>(metric: M): M {
    if (this.#metrics.has(metric.name)) throw new Error(`metric ${metric.name} exists`);
    this.#metrics.set(metric.name, metric);
    return metric;
  }
  counter(name: string, help: string, labels: readonly string[] = []): Value {
    return this.#add(started(new Value("counter", name, help, labels), labels));
  }
  gauge(name: string, help: string, labels: readonly string[] = []): Value {
    return this.#add(started(new Value("gauge", name, help, labels), labels));
  }
  histogram(name: string, help: string, buckets: readonly number[], labels: readonly string[] = []): Histogram {
    const histogram = new Histogram(name, help, buckets, labels);
    // What has no labels is shown from the beginning, as Prometheus' libraries do.
    if (!labels.length) histogram.series();
    return this.#add(histogram);
  }
  /** Called before each exposition, to set gauges whose value is looked up. */
  onCollect(fn: () => void): void {
    this.#collectors.push(fn);
  }
  /** Shows those of another component of the same process as well; of two with one name its own. */
  include(other: Metrics): void {
    this.#others.push(other);
  }
  /** Text format 0.0.4, names in order. */
  expose(): string {
    const all = this.#collected();
    const out: string[] = [];
    for (const name of [...all.keys()].sort()) all.get(name)?.write(out);
    return `${out.join("\n")}\n`;
  }
  /** All of them begin anew, as Prometheus' vectors do (k8s.io/component-base/metrics/registry.go). */
  reset(): void {
    for (const other of this.#others) other.reset();
    for (const metric of this.#metrics.values()) metric.reset();
  }
  #collected(): Map<string, Metric> {
    for (const collect of this.#collectors) collect();
    return new Map([...this.#others.flatMap((other) => [...other.#collected()]), ...this.#metrics]);
  }
}
