/** One resource of the watch cache. The watch cache feeds it the store's changes; everything else reads. */
import { PassingMap } from "../base/passing-map.ts";
import { Slices } from "../base/slices.ts";
import { SortedMap } from "../base/sorted-map.ts";
import { goQuote } from "../api/go-quote.ts";
import type { MemberTexts } from "../api/codec/json.ts";
import type { KubeObject } from "../api/object.ts";
import type { ResourceDef } from "../api/schema/schema.ts";
import { CompactedError, FutureRevisionError, type KeyValue, type StoreEvent } from "../store/store.ts";
import { eventsOf, Watchers } from "./audience.ts";
import { sendBookmarks } from "./bookmarks.ts";
import type { CacheList, CacheListOptions, CacheWatchOptions, Predicate, ResourceCache, Stored } from "./cache.ts";
import { Change, History } from "./history.ts";
import type { Host } from "./host.ts";
import { cacheKey } from "./keys.ts";
import { Past } from "./past.ts";
import { keyOfStored, listStored } from "./past-list.ts";
import type { ResourceSeries } from "./series.ts";
import { spliceRevision, withoutRevision } from "./splice.ts";
import { type Family, StoredObject } from "./stored.ts";
import { UnreadableError } from "./transformer.ts";
import { initializing, nextDelay, type Unread } from "./unread.ts";
import { type Beginning, Watch } from "./watch.ts";
import { Watcher } from "./watcher.ts";

/** Objects tested before the clock is looked at; also how many initial events come at once. */
const selectBatch = 32;
/** Objects whose bytes are looked at for an estimate. */
const sampledAtMost = 64;

export interface Extent {
  objects: number;
  averageBytes: number;
}

export class CachedResource<T extends KubeObject = KubeObject> implements ResourceCache<T> {
  readonly resource: ResourceDef;
  readonly prefix: string;
  readonly #host: Host;
  readonly series: ResourceSeries;
  readonly #family: Family;
  readonly #live = new SortedMap<StoredObject<T>>();
  readonly #watchers: Watchers;
  readonly #changeHandlers: ((namespace: string, name: string) => void)[] = [];
  /** Objects being written, with the bytes handed to the store, by key: their parsed form need not be made again. */
  readonly #writing = new PassingMap<string, { bytes: Uint8Array; object: KubeObject }>();
  #history = new History(0);
  #lastChange = 0;
  /** Changes that arrive while the first list is read. */
  #early?: StoreEvent[];
  #ready: Promise<void> = Promise.resolve();
  /** `#ready` has resolved. */
  #isReady = false;
  /** Set while a stored value cannot be read: nothing is held then. `since` by the clock's monotonic(). */
  #unread?: Unread;
  /** Of whom it is told once everything is held again, by key: those that were held before. Absent: all was told. */
  #untold?: Map<string, Stored>;
  #loads = 0;
  #ended = false;

  constructor(host: Host, resource: ResourceDef, prefix: string, family: Family) {
    this.#host = host;
    this.series = host.seriesOf(resource);
    this.resource = resource;
    this.prefix = prefix;
    this.#family = family;
    this.#watchers = new Watchers((audience) => host.releaseSoon(audience));
  }

  /**
   * Reads everything anew; watchers are ended, for their position is lost. Rejects with UnreadableError where a value cannot be
   * read, and tries again until all can; so it does whatever the reason is, where it could be read before.
   */
  load(): Promise<void> {
    for (const watcher of this.#watchers.all()) watcher.end(new CompactedError(this.#host.applied()));
    const again = this.#unread;
    again?.timer.cancel();
    this.#unread = undefined;
    this.#early = [];
    const number = ++this.#loads;
    if (number > 1) this.#remember();
    const loading = this.#load(number);
    this.#ready = loading;
    this.#isReady = false;
    loading.then(
      () => {
        if (number !== this.#loads) return;
        this.#isReady = true;
        this.#tellAll();
      },
      (error) => {
        if (number === this.#loads && (number > 1 || error instanceof UnreadableError)) this.#loadLater((error as Error).message, again);
      },
    );
    return loading;
  }
  #loadLater(why: string, again: Unread | undefined): void {
    const { clock } = this.#host;
    this.#live.clear();
    this.#early = undefined;
    if (this.#ended) return;
    const delay = nextDelay(again);
    const timer = clock.after(delay, () => void this.load().catch(() => undefined));
    this.#unread = { timer, delay, since: again?.since ?? clock.monotonic(), why };
  }
  #remember(): void {
    this.#untold ??= new Map();
    for (const stored of this.#live.values("")) this.#untold.set(keyOfStored(stored), stored);
  }
  #tellAll(): void {
    if (!this.#untold) return;
    this.#remember();
    const all = [...this.#untold.values()];
    this.#untold = undefined;
    for (const { namespace, name } of all) for (const handler of this.#changeHandlers) handler(namespace, name);
  }
  async held(): Promise<void> {
    if (!(await this.#holdsAll())) throw initializing(this.resource, this.#unread, this.#host.clock);
  }
  /** Whether everything is held. Rejects where it could not be loaded for another reason than values that cannot be read. */
  #holdsAll(): true | Promise<boolean> {
    return this.#isReady || this.#willHoldAll();
  }
  async #willHoldAll(): Promise<boolean> {
    try {
      await this.#ready;
      return true;
    } catch (error) {
      if (error instanceof UnreadableError) return false;
      throw error;
    }
  }
  /** One that another has begun after gives what that gives. */
  async #load(number: number): Promise<void> {
    const pageSize = 1_000;
    this.#live.clear();
    let after: string | undefined;
    let revision = 0;
    for (;;) {
      const page = await this.#host.store.list(this.prefix, { revision, after, limit: pageSize });
      if (number !== this.#loads) return this.#ready;
      revision = page.revision;
      for (const item of page.items) this.#live.set(item.key.slice(this.prefix.length), this.#readable(item));
      after = page.items.at(-1)?.key;
      if (page.remaining === 0) break;
      // Reading everything takes seconds for a large cluster; others get a turn after each page.
      await new Promise((resolve) => setImmediate(resolve));
      if (number !== this.#loads) return this.#ready;
    }
    this.series.storeListed(this.#live.size, this.#live.size, this.#live.size);
    this.series.loaded();
    this.#history = new History(revision, this.#host.history);
    this.#lastChange = revision;
    await this.#host.reached(revision);
    if (number !== this.#loads) return this.#ready;
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const event of early) if (event.revision > revision) this.#change(event);
  }

  /** One change of the store under this resource's prefix. */
  apply(event: StoreEvent): void {
    this.series.received();
    this.#change(event);
  }
  #change(event: StoreEvent): void {
    if (this.#unread) return;
    if (this.#early) {
      this.#early.push(event);
      return;
    }
    const key = event.key.slice(this.prefix.length);
    const previous = this.#live.get(key);
    let stored: StoredObject<T> | undefined;
    if (event.value) {
      stored = this.#readableChange(event, event.value);
      if (!stored) return void this.load().catch(() => undefined);
      const writing = this.#writing.get(key);
      if (writing?.bytes === event.value) stored.madeOf(writing.object);
      this.#live.set(key, stored);
    } else {
      if (!previous) return;
      this.#live.delete(key);
    }
    this.#lastChange = event.revision;
    const change = new Change(event.revision, key, stored, previous);
    this.#history.push(change, this.#host.clock.monotonic());
    this.series.dispatched();
    this.#watchers.offer(change);
    if (previous) this.#family.shared.forget(previous);
    for (const handler of this.#changeHandlers) handler(change.namespace, (stored ?? (previous as StoredObject)).name);
  }

  /** Ends all watches: with the error, or quietly when the cache is closed on purpose. */
  end(error: Error): void {
    this.#ended = true;
    this.#unread?.timer.cancel();
    for (const watcher of this.#watchers.all()) watcher.end(error);
  }
  /** Ends all watches without an error. */
  close(): void {
    this.#ended = true;
    this.#unread?.timer.cancel();
    for (const watcher of this.#watchers.all()) watcher.end();
  }
  onChange(handler: (namespace: string, name: string) => void): void {
    this.#changeHandlers.push(handler);
  }
  peek(namespace: string, name: string): StoredObject<T> | undefined {
    return this.#live.get(cacheKey(namespace, name));
  }
  peekAll(namespace?: string): StoredObject<T>[] {
    return this.#live.values(namespace ? `${namespace}/` : "");
  }
  /** How many objects there are, and the bytes of an average one as the first few say. */
  extent(): Extent {
    let sampled = 0;
    let bytes = 0;
    this.#live.each("", undefined, (stored) => {
      bytes += stored.bytes.length;
      return ++sampled < sampledAtMost;
    });
    return { objects: this.#live.size, averageBytes: sampled ? Math.ceil(bytes / sampled) : 0 };
  }

  async revision(): Promise<number> {
    await this.#holdsAll();
    return this.#host.fresh();
  }
  async get(namespace: string, name: string): Promise<Stored<T> | undefined> {
    if (!this.#isReady && !(await this.#willHoldAll())) {
      const found = await this.#host.store.get(this.prefix + cacheKey(namespace, name));
      return found && this.#readable(found);
    }
    const fresh = this.#host.fresh();
    if (fresh instanceof Promise) await fresh;
    return this.peek(namespace, name);
  }

  async list(options: CacheListOptions): Promise<CacheList> {
    const held = await this.#holdsAll();
    const now = await this.#host.fresh();
    const { revision } = options;
    // Only what is bounded is read past the cache.
    if (!held && (!options.limit || options.predicate)) throw initializing(this.resource, this.#unread, this.#host.clock);
    if (!held) return this.#listPast(options, revision || now);
    if (revision && revision > now) throw new FutureRevisionError(revision, now);
    // Nothing changed since: what lives now is what lived then.
    if (!revision || revision >= this.#lastChange) return this.#listOf(this.#live, options, revision || this.#host.applied());
    const compacted = await this.#host.store.compactedRevision();
    if (revision < compacted) throw new CompactedError(compacted);
    if (revision < this.#history.floor) return this.#listPast(options, revision);
    return this.#listOf(new Past(this.#live, this.#history.after(revision)), options, revision);
  }

  #listPast(options: CacheListOptions, revision: number): Promise<CacheList> {
    return listStored({ store: this.#host.store, prefix: this.prefix, stored: (item) => this.#stored(item), series: this.series }, options, revision);
  }

  /** What `all` has at the moment of the call, given out as of `revision`; a long selection leaves the event loop to others in between. */
  async #listOf(all: Pick<SortedMap<StoredObject<T>>, "values" | "count">, options: CacheListOptions, revision: number): Promise<CacheList> {
    const { predicate, after } = options;
    const prefix = options.namespace ? `${options.namespace}/` : "";
    const limit = options.limit || Number.POSITIVE_INFINITY;
    if (!predicate) {
      const items = all.values(prefix, after, limit);
      const last = items.length < limit ? undefined : keyOfStored(items.at(-1) as Stored);
      const remaining = last === undefined ? 0 : all.count(prefix, last);
      this.series.listed(items.length + remaining, items.length);
      return { items, revision, remaining, ...(remaining > 0 ? { last } : {}) };
    }
    const candidates = all.values(prefix, after);
    const items: Stored[] = [];
    for await (const batch of this.#select(candidates, predicate))
      for (const stored of batch) {
        items.push(stored);
        if (items.length < limit) continue;
        this.series.listed(candidates.length, items.length);
        return { items, revision, ...(stored === candidates.at(-1) ? {} : { last: keyOfStored(stored) }) };
      }
    this.series.listed(candidates.length, items.length);
    return { items, revision };
  }

  /** Those that `predicate` selects, in batches, in slices of work whatever the predicate and who takes them cost. */
  async *#select(all: StoredObject<T>[], predicate: Predicate | undefined): AsyncGenerator<StoredObject<T>[], void> {
    const slices = new Slices(this.#host.clock);
    for (let at = 0; at < all.length; at += selectBatch) {
      const batch = all.slice(at, at + selectBatch);
      const selected = predicate ? batch.filter(predicate) : batch;
      if (selected.length > 0) yield selected;
      if (slices.isOver) await slices.rest();
    }
  }

  watch(options: CacheWatchOptions): Watch {
    return new Watch(this.#begin(options));
  }
  async *#begin(options: CacheWatchOptions): Beginning {
    const { signal } = options;
    await this.held();
    if (signal.aborted) return undefined;
    if (options.initial) await this.#host.reached(Math.max(options.fromRevision, await this.#host.fresh()));
    else if (options.fromRevision < this.#history.floor) throw new CompactedError(this.#history.floor);
    if (signal.aborted) return undefined;
    const from = options.initial ? this.#host.applied() : options.fromRevision;
    const watcher = new Watcher(options, from, () => {
      timers?.();
      signal.removeEventListener("abort", stop);
      this.#watchers.remove(watcher);
    });
    const stop = (): void => watcher.end();
    signal.addEventListener("abort", stop, { once: true });
    const timers = options.bookmarks ? sendBookmarks(this.#host, watcher) : undefined;
    this.#watchers.add(watcher);
    const initial = options.initial ? this.#live.values(options.namespace ? `${options.namespace}/` : "") : undefined;
    const missed = initial ? [] : this.#history.after(from);
    this.series.began((initial ?? missed).length);
    watcher.push(eventsOf(missed, options));
    let isHandedOver = false;
    try {
      for await (const batch of this.#select(initial ?? [], options.predicate)) {
        if (signal.aborted) return undefined;
        yield batch.map((stored) => ({ type: "ADDED", stored, revision: stored.revision }) as const);
      }
      if (initial && !signal.aborted) yield [{ type: "BOOKMARK", revision: from, initial: true }];
      isHandedOver = true;
      return watcher;
    } finally {
      if (!isHandedOver) watcher.end();
    }
  }

  create(object: T, { ttlSeconds, texts }: { ttlSeconds?: number; texts?: MemberTexts } = {}): Promise<Stored<T>> {
    return this.#write(object, (key, bytes) => this.#host.store.create(key, bytes, ttlSeconds ? { ttlSeconds } : undefined), texts);
  }
  update(object: T, expected: number, options?: { ttlSeconds?: number }): Promise<Stored<T>> {
    return this.#write(object, (key, bytes) => this.#host.store.update(key, bytes, expected, options));
  }
  async delete(namespace: string, name: string, expected: number): Promise<Stored<T>> {
    await this.held();
    const key = cacheKey(namespace, name);
    const revision = await this.#host.store.delete(this.prefix + key, expected);
    await this.#host.reached(revision);
    await this.#host.breathe();
    const change = this.#history.after(revision - 1)[0];
    if (change?.revision !== revision) throw new CompactedError(this.#history.floor);
    return change.deleted().stored as Stored<T>;
  }

  async stale(namespace: string, name: string): Promise<boolean> {
    const { store } = this.#host;
    return store.stale ? store.stale(this.prefix + cacheKey(namespace, name)) : false;
  }

  async #write(object: T, write: (key: string, bytes: Uint8Array) => Promise<number>, texts?: MemberTexts): Promise<Stored<T>> {
    const ready = this.#holdsAll();
    if (ready !== true) await ready;
    const { namespace = "", name } = object.metadata;
    const key = cacheKey(namespace, name);
    const bytes = this.#host.encode(withoutRevision(object), texts);
    const writing = { bytes, object };
    this.#writing.set(key, writing);
    try {
      const revision = await write(this.prefix + key, bytes);
      await this.#host.reached(revision);
      const breath = this.#host.breathe();
      if (breath) await breath;
      const current = this.#live.get(key);
      return current?.revision === revision ? current : this.#stored({ key: this.prefix + key, value: bytes, revision });
    } finally {
      if (this.#writing.get(key) === writing) this.#writing.delete(key);
    }
  }

  /** Undefined: what is written there now cannot be read. */
  #readableChange({ key, revision, unreadable }: StoreEvent, value: Uint8Array): StoredObject<T> | undefined {
    if (unreadable) return undefined;
    try {
      return this.#stored({ key, value, revision });
    } catch {
      // Why is found out, and told, where everything is read anew.
      return undefined;
    }
  }
  /** Throws UnreadableError, which names the key, for a value that is no object. */
  #readable(item: KeyValue): StoredObject<T> {
    try {
      return this.#stored(item);
    } catch (error) {
      throw new UnreadableError(`unable to transform key ${goQuote(item.key)}: ${(error as Error).message}`, { cause: error });
    }
  }
  #stored(item: Pick<KeyValue, "key" | "value" | "revision">): StoredObject<T> {
    const key = item.key.slice(this.prefix.length);
    const slash = this.resource.namespaced ? key.indexOf("/") : -1;
    const namespace = slash < 0 ? "" : this.#family.shared.string(key.slice(0, slash));
    return new StoredObject<T>(this.#family, namespace, key.slice(slash + 1), item.revision, spliceRevision(item.value, item.revision));
  }
}
