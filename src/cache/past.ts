/**
 * One resource as it was at a revision, from memory: what lives now, except for what has changed since, of which there is
 * the state before the first change.
 */
import type { SortedMap } from "../base/sorted-map.ts";
import type { Change } from "./history.ts";
import type { StoredObject } from "./stored.ts";

/** Valid until the next change of `live`. */
export class Past<T extends StoredObject> implements Pick<SortedMap<T>, "values" | "count"> {
  readonly #live: SortedMap<T>;
  /** What each key that was changed since had then: undefined where it came later. */
  readonly #then = new Map<string, T | undefined>();

  /** `changes`: all since then, the oldest first. */
  constructor(live: SortedMap<T>, changes: readonly Change[]) {
    this.#live = live;
    for (const { key, previous } of changes) if (!this.#then.has(key)) this.#then.set(key, previous as T | undefined);
  }

  /** As SortedMap has them. */
  values(prefix = "", after?: string, limit = Number.POSITIVE_INFINITY): T[] {
    const live = this.#live;
    if (this.#then.size === 0) return live.values(prefix, after, limit);
    const before = this.#before(prefix, after);
    const found: T[] = [];
    let next = 0;
    const takeUpTo = (key: string | undefined): void => {
      for (let one = before[next]; one && found.length < limit && (key === undefined || !live.before(key, one[0])); one = before[++next]) found.push(one[1]);
    };
    live.each(prefix, after, (value, key) => {
      takeUpTo(key);
      if (found.length < limit && !this.#then.has(key)) found.push(value);
      return found.length < limit;
    });
    takeUpTo(undefined);
    return found;
  }
  count(prefix: string, after?: string): number {
    const live = this.#live;
    let count = live.count(prefix, after) + this.#before(prefix, after).length;
    for (const key of this.#then.keys()) if (this.#isIn(key, prefix, after) && live.get(key)) count--;
    return count;
  }

  #isIn(key: string, prefix: string, after: string | undefined): boolean {
    return key.startsWith(prefix) && (after === undefined || this.#live.before(after, key));
  }
  /** Of what has changed since, what was there, in order. */
  #before(prefix: string, after: string | undefined): [string, T][] {
    const found: [string, T][] = [];
    for (const [key, value] of this.#then) if (value && this.#isIn(key, prefix, after)) found.push([key, value]);
    return found.sort(([a], [b]) => (this.#live.before(a, b) ? -1 : 1));
  }
}
