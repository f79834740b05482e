/**
 * Looks now and then whether the cache holds what the store does (feature gate DetectCacheInconsistency;
 * k8s.io/apiserver/pkg/storage/cacher/delegator.go): the same keys at the same revisions. What differs is logged and counted.
 */
import type { ResourceDef } from "../api/schema/schema.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Metrics, Value } from "../base/metrics.ts";
import { jittered, type Random } from "../base/random.ts";
import { Rounds } from "../base/rounds.ts";
import type { Stored } from "../cache/cache.ts";
import { storageKey, storagePrefix } from "../cache/keys.ts";
import type { WatchCache } from "../cache/watch-cache.ts";
import type { Store } from "../store/store.ts";

export interface ConsistencyOptions {
  cache: WatchCache;
  /** In which nothing has to be decrypted: values are not looked at. */
  store: Store;
  clock: Clock;
  random: Random;
  logger: Logger;
  metrics: Metrics;
}

/** Milliseconds between rounds at least, and half of it more at most. */
const interval = 300_000;
const jitter = 0.5;
/** Requests go between two pages. */
const pageSize = 500;
const pause = 5;

interface Entry {
  key: string;
  revision: number;
}
interface Difference {
  cache?: Entry;
  store?: Entry;
}

export class ConsistencyCheck implements AsyncDisposable {
  readonly #options: ConsistencyOptions;
  readonly #counted: Value;
  readonly #rounds: Rounds;

  /** The first round is one interval from now. */
  constructor(options: ConsistencyOptions) {
    this.#options = options;
    this.#counted = options.metrics.counter(
      "apiserver_storage_consistency_checks_total",
      "[ALPHA] Counter for status of consistency checks between etcd and watch cache",
      ["group", "resource", "status"],
    );
    const { clock, random } = options;
    this.#rounds = new Rounds(
      clock,
      () => jittered(interval, jitter, random),
      (signal) => this.#round(signal),
    );
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.#rounds[Symbol.asyncDispose]();
  }

  async #round(signal: AbortSignal): Promise<void> {
    const { cache, logger } = this.#options;
    for (const { resource: def } of cache.holdings()) {
      if (signal.aborted) return;
      const { group, resource } = def;
      try {
        const difference = await this.#difference(def, signal);
        if (difference) logger.error("the cache is not what the store is", { group, resource, ...difference });
        this.#counted.inc(group, resource, difference ? "failure" : "success");
      } catch (error) {
        if (signal.aborted) return;
        logger.warn("the cache could not be compared with the store", { group, resource, error });
        this.#counted.inc(group, resource, "error");
      }
    }
  }

  /** The first one; rejects where the cache or the store cannot be read, or when it has to stop. */
  async #difference(def: ResourceDef, signal: AbortSignal): Promise<Difference | undefined> {
    const { cache, store, clock } = this.#options;
    const { items, revision } = await cache.resource(def).list({});
    const entryAt = (index: number): Entry | undefined => entryOf(def, items[index]);
    const prefix = storagePrefix(def);
    let at = 0;
    for (let after: string | undefined; ; ) {
      const page = await store.list(prefix, { revision, limit: pageSize, ...(after === undefined ? {} : { after }) });
      for (const { key, revision: written } of page.items) {
        const held = entryAt(at++);
        if (held?.key !== key || held.revision !== written) return { ...(held ? { cache: held } : {}), store: { key, revision: written } };
        after = key;
      }
      if (page.remaining === 0) break;
      await clock.sleep(pause, signal);
    }
    const more = entryAt(at);
    return more && { cache: more };
  }
}

const entryOf = (def: ResourceDef, stored: Stored | undefined): Entry | undefined =>
  stored && { key: storageKey(def, stored.namespace, stored.name), revision: stored.revision };
