/** Lists as they were: what lives now, with the changes since then taken back. */
import { compareBytewise } from "../base/sorted-map.ts";
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

/** `past`: for each key changed since then, what it was (undefined: nothing). */
export function listPast<R>(present: Present<R>, past: ReadonlyMap<string, (() => KeyValue) | undefined>, page: Page, revision: number): ListResult {
  const changed = [...past.keys()].filter((key) => page.after === undefined || compareBytewise(key, page.after) > 0).sort(compareBytewise);
  const limit = page.limit || Number.POSITIVE_INFINITY;
  const items: KeyValue[] = [];
  let next = 0;
  let last = page.after;
  const takeChanged = (before: string | undefined): void => {
    for (; next < changed.length && items.length < limit; next++) {
      const key = changed[next] as string;
      if (before !== undefined && compareBytewise(key, before) >= 0) return;
      last = key;
      const was = past.get(key);
      if (was) items.push(was());
    }
  };
  present.each(page.after, (record, key) => {
    takeChanged(key);
    if (items.length >= limit) return false;
    if (past.has(key)) return true;
    items.push(present.load(key, record));
    last = key;
    return items.length < limit;
  });
  takeChanged(undefined);
  let remaining = 0;
  if (items.length >= limit) {
    remaining = present.count(last);
    for (; next < changed.length; next++) {
      const key = changed[next] as string;
      if (last !== undefined && compareBytewise(key, last) <= 0) continue;
      if (present.has(key)) remaining--;
      if (past.get(key)) remaining++;
    }
  }
  return { items, revision, remaining };
}
