/** Lists as they were: what lives now, with the changes since then taken back. */
import { SortedMap } from "../base/sorted-map.ts";
import type { KeyValue, ListResult } from "./store.ts";

/** What lives now. */
export interface Present<R> {
  /** Visits keys after `after` in order until the function returns false. */
  each(after: string | undefined, visit: (record: R, key: string) => boolean): void;
  /** Number of keys after `after`. */
  count(after: string | undefined): number;
  has(key: string): boolean;
  load(key: string, record: R): KeyValue;
}

export interface Page {
  after?: string;
  limit?: number;
}

/** What a key was before its first change after some revision: absent for nothing. */
export interface Was {
  load?: () => KeyValue;
}
export type Past = SortedMap<Was>;

/** The changes since some revisions: a client that reads a list page by page asks for the same one again and again. */
export class Pasts {
  readonly #kept = new Map<string, { past: Past; until: number }>();
  readonly #most = 8;

  /** `scan` calls back with each change after one revision, in order, up to `now`. */
  since(prefix: string, revision: number, now: number, scan: (after: number, visit: (key: string, was: Was) => void) => void): Past {
    const name = `${revision} ${prefix}`;
    const entry = this.#kept.get(name) ?? { past: new SortedMap<Was>(), until: revision };
    this.#kept.delete(name);
    this.#kept.set(name, entry);
    if (this.#kept.size > this.#most) this.#kept.delete(this.#kept.keys().next().value as string);
    if (entry.until < now)
      scan(entry.until, (key, was) => {
        if (key.startsWith(prefix) && !entry.past.get(key)) entry.past.set(key, was);
      });
    entry.until = now;
    return entry.past;
  }
  /** Lets go of what compaction made useless. */
  clear(): void {
    this.#kept.clear();
  }
}

export function listPast<R>(present: Present<R>, past: Past | undefined, page: Page, revision: number): ListResult {
  const limit = page.limit || Number.POSITIVE_INFINITY;
  const items: KeyValue[] = [];
  let last = page.after;
  const changed = merged(past, page.after);
  let next = changed.next();
  const takeChanged = (before: string | undefined): void => {
    for (; !next.done && items.length < limit; next = changed.next()) {
      const { key, was } = next.value;
      if (before !== undefined && !(past as Past).before(key, before)) return;
      last = key;
      if (was.load) items.push(was.load());
    }
  };
  present.each(page.after, (record, key) => {
    takeChanged(key);
    if (items.length >= limit) return false;
    if (past?.get(key)) return true;
    items.push(present.load(key, record));
    last = key;
    return items.length < limit;
  });
  takeChanged(undefined);
  let remaining = 0;
  if (items.length >= limit) {
    remaining = present.count(last);
    past?.each("", last, (was, key) => {
      if (present.has(key)) remaining--;
      if (was.load) remaining++;
      return true;
    });
  }
  return { items, revision, remaining };
}

/** The changed keys in chunks, since few pages need them all. */
function* merged(past: Past | undefined, after: string | undefined): Generator<{ key: string; was: Was }, void> {
  const chunk = 256;
  for (let from = after; past; ) {
    const found: { key: string; was: Was }[] = [];
    past.each("", from, (was, key) => found.push({ key, was }) < chunk);
    yield* found;
    if (found.length < chunk) return;
    from = found.at(-1)?.key;
  }
}
