/**
 * A map in bytewise order of its keys, for up to millions of keys: sorted runs of at most `maxRun` keys. A change costs
 * one binary search and a short shift; iteration and ranges cost no sorting.
 */

const maxRun = 512;
const surrogate = /[\ud800-\udfff]/;

/** Order of the UTF-8 forms: -1, 0 or 1. UTF-16 order differs from it only where a surrogate meets U+E000..U+FFFF. */
export function compareBytewise(a: string, b: string): number {
  if (a === b) return 0;
  if (!surrogate.test(a) && !surrogate.test(b)) return a < b ? -1 : 1;
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

export class SortedMap<V> {
  #keys: string[][] = [];
  #values: V[][] = [];
  #size = 0;
  /** Set once a key held a surrogate; until then UTF-16 order is bytewise order, whatever is looked up. */
  #wide = false;

  get size(): number {
    return this.#size;
  }

  get(key: string): V | undefined {
    const run = this.#runOf(key);
    const keys = this.#keys[run];
    if (!keys) return undefined;
    const at = this.#lower(keys, key);
    return keys[at] === key ? this.#values[run]?.[at] : undefined;
  }

  set(key: string, value: V): void {
    if (!this.#wide && surrogate.test(key)) this.#wide = true;
    const run = this.#runOf(key);
    const keys = this.#keys[run];
    const values = this.#values[run];
    if (!keys || !values) {
      this.#keys.push([key]);
      this.#values.push([value]);
      this.#size++;
      return;
    }
    const at = this.#lower(keys, key);
    if (keys[at] === key) {
      values[at] = value;
      return;
    }
    keys.splice(at, 0, key);
    values.splice(at, 0, value);
    this.#size++;
    if (keys.length <= maxRun) return;
    // Keys that arrive in order fill runs completely: a split at the end leaves the full run behind.
    const cut = at === keys.length - 1 && run === this.#keys.length - 1 ? maxRun : maxRun >> 1;
    this.#keys.splice(run + 1, 0, keys.splice(cut));
    this.#values.splice(run + 1, 0, values.splice(cut));
  }

  delete(key: string): boolean {
    const run = this.#runOf(key);
    const keys = this.#keys[run];
    if (!keys) return false;
    const at = this.#lower(keys, key);
    if (keys[at] !== key) return false;
    this.#size--;
    if (keys.length === 1) {
      this.#keys.splice(run, 1);
      this.#values.splice(run, 1);
      return true;
    }
    keys.splice(at, 1);
    this.#values[run]?.splice(at, 1);
    return true;
  }

  clear(): void {
    this.#keys = [];
    this.#values = [];
    this.#size = 0;
  }

  /** Visits the keys that begin with `prefix` and are greater than `after`, in order, until `visit` returns false. The map must not change meanwhile. */
  each(prefix: string, after: string | undefined, visit: (value: V, key: string) => boolean | undefined): void {
    const start = this.#start(prefix, after);
    for (let run = start.run, at = start.at; run < this.#keys.length; run++, at = 0) {
      const keys = this.#keys[run] as string[];
      const values = this.#values[run] as V[];
      for (; at < keys.length; at++) {
        const key = keys[at] as string;
        if (!key.startsWith(prefix) || visit(values[at] as V, key) === false) return;
      }
    }
  }

  /** How many keys begin with `prefix` and are greater than `after`. */
  count(prefix: string, after?: string): number {
    if (prefix === "" && after === undefined) return this.#size;
    const from = this.#start(prefix, after);
    const to = this.#end(prefix);
    if (from.run >= to.run) return from.run > to.run ? 0 : Math.max(0, to.at - from.at);
    let n = to.at - from.at;
    for (let run = from.run; run < to.run; run++) n += (this.#keys[run] as string[]).length;
    return Math.max(0, n);
  }

  /** Values of the keys that begin with `prefix` and are greater than `after`, in order, at most `limit`. */
  values(prefix = "", after?: string, limit = Number.POSITIVE_INFINITY): V[] {
    if (this.#size === 0) return [];
    const from = this.#start(prefix, after);
    const to = prefix === "" ? { run: this.#keys.length, at: 0 } : this.#end(prefix);
    const parts: V[][] = [];
    for (let { run, at } = from, left = limit; left > 0 && run <= to.run && run < this.#keys.length; run++, at = 0) {
      const values = this.#values[run] as V[];
      const end = Math.min(run === to.run ? to.at : values.length, at + left);
      if (at >= end) continue;
      parts.push(values.slice(at, end));
      left -= end - at;
    }
    return parts.length === 1 ? (parts[0] as V[]) : ([] as V[]).concat(...parts);
  }

  /** Whether `a` comes before `b`, one of which is a key of this map. */
  before(a: string, b: string): boolean {
    return this.#wide ? compareBytewise(a, b) < 0 : a < b;
  }

  /** The last run whose first key is not greater than `key`, or the first run. */
  #runOf(key: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.before(key, (this.#keys[middle] as string[])[0] as string)) high = middle;
      else low = middle + 1;
    }
    return low === 0 ? 0 : low - 1;
  }

  #lower(keys: string[], key: string): number {
    let low = 0;
    let high = keys.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.before(keys[middle] as string, key)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #start(prefix: string, after: string | undefined): { run: number; at: number } {
    const skip = after !== undefined && !this.before(after, prefix);
    const key = skip ? (after as string) : prefix;
    const run = this.#runOf(key);
    const keys = this.#keys[run];
    if (!keys) return { run, at: 0 };
    const at = this.#lower(keys, key);
    return { run, at: skip && keys[at] === key ? at + 1 : at };
  }

  /** Just behind the last key that begins with `prefix`. */
  #end(prefix: string): { run: number; at: number } {
    const inside = (key: string): boolean => key.startsWith(prefix) || this.before(key, prefix);
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (inside((this.#keys[middle] as string[])[0] as string)) low = middle + 1;
      else high = middle;
    }
    const run = Math.max(0, low - 1);
    const keys = this.#keys[run] ?? [];
    low = 0;
    high = keys.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (inside(keys[middle] as string)) low = middle + 1;
      else high = middle;
    }
    return { run, at: low };
  }
}
