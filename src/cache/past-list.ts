/** Lists of a resource as it was before what the cache remembers, and of one that it does not hold: from the store. */
import type { KeyValue, Store } from "../store/store.ts";
import type { CacheList, CacheListOptions, Stored } from "./cache.ts";
import { cacheKey } from "./keys.ts";
import type { ResourceSeries } from "./series.ts";

export interface PastSource {
  store: Store;
  /** Of the resource. */
  prefix: string;
  stored(item: KeyValue): Stored;
  series: ResourceSeries;
}

export const keyOfStored = (stored: Stored): string => cacheKey(stored.namespace, stored.name);

export async function listStored(source: PastSource, options: CacheListOptions, revision: number): Promise<CacheList> {
  const seen = { fetched: 0, evaluated: 0 };
  const list = await select(source, options, revision, seen);
  source.series.storeListed(seen.fetched, seen.evaluated, list.items.length);
  return list;
}

async function select(source: PastSource, options: CacheListOptions, revision: number, seen: { fetched: number; evaluated: number }): Promise<CacheList> {
  const { predicate, limit } = options;
  const prefix = `${source.prefix}${options.namespace ? `${options.namespace}/` : ""}`;
  const items: Stored[] = [];
  let after = options.after === undefined ? undefined : source.prefix + options.after;
  for (;;) {
    const page = await source.store.list(prefix, { revision, after, ...(limit ? { limit: predicate ? limit + 1 : limit } : {}) });
    seen.fetched += page.items.length;
    for (const item of page.items) {
      const stored = source.stored(item);
      seen.evaluated++;
      if (predicate && !predicate(stored)) continue;
      items.push(stored);
      if (predicate && limit && items.length >= limit)
        return { items, revision, ...(item !== page.items.at(-1) || page.remaining > 0 ? { last: keyOfStored(stored) } : {}) };
    }
    after = page.items.at(-1)?.key;
    if (!predicate) return { items, revision, remaining: page.remaining, ...(page.remaining > 0 ? { last: after?.slice(source.prefix.length) } : {}) };
    if (page.remaining === 0) return { items, revision };
  }
}
