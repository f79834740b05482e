/**
 * Looks now and then whether the cache holds what the store does (feature gate DetectCacheInconsistency;
 * k8s.io/apiserver/pkg/storage/cacher/delegator.go): the same keys at the same revisions. What differs is logged and counted.
 */
import type { ResourceDef } from "../api/schema/schema.ts";
import type { Clock, Timer } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Metrics, Value } from "../base/metrics.ts";
import type { Random } from "../base/random.ts";
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
  readonly #stop = new AbortController();
  #timer: Timer | undefined;
  #running: Promise<void> = Promise.resolve();

  /** The first round is one interval from now. */
  constructor(options: ConsistencyOptions) {
    this.#options = options;
    this.#counted = options.metrics.counter(
      "apiserver_storage_consistency_checks_total",
      "[ALPHA] Counter for status of consistency checks between etcd and watch cache",
      ["group", "resource", "status"],
    );
    this.#wait();
  }
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("the server stops"));
    this.#timer?.cancel();
    await this.#running;
  }

  #wait(): void {
    const { clock, random } = this.#options;
    if (this.#stop.signal.aborted) return;
    this.#timer = clock.after(interval * (1 + random.next() / 2), () => {
      this.#running = this.#round().finally(() => this.#wait());
    });
  }
  async #round(): Promise<void> {
    const { cache, logger } = this.#options;
    for (const { resource: def } of cache.holdings()) {
      if (this.#stop.signal.aborted) return;
      const { group, resource } = def;
      try {
        const difference = await this.#difference(def);
        if (difference) logger.error("the cache is not what the store is", { group, resource, ...difference });
        this.#counted.inc(group, resource, difference ? "failure" : "success");
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        logger.warn("the cache could not be compared with the store", { group, resource, error });
        this.#counted.inc(group, resource, "error");
      }
    }
  }

  /** The first one; rejects where the cache or the store cannot be read, or when it has to stop. */
  async #difference(def: ResourceDef): Promise<Difference | undefined> {
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
      await clock.sleep(pause, this.#stop.signal);
    }
    const more = entryAt(at);
    return more && { cache: more };
  }
}

const entryOf = (def: ResourceDef, stored: Stored | undefined): Entry | undefined =>
  stored && { key: storageKey(def, stored.namespace, stored.name), revision: stored.revision };
