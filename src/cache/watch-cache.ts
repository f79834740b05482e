/** The watch cache of one API server: follows the store with a single watch and hands each change to its resource. */
import type { Clock } from "../base/clock.ts";
import { Metrics } from "../base/metrics.ts";
import { encodeMembers, type MemberTexts } from "../api/codec/json.ts";
import type { Wanted } from "../api/codec/json-part.ts";
import type { KubeObject } from "../api/object.ts";
import type { ResourceDef } from "../api/schema/schema.ts";
import { CompactedError, type Store, StoreError, type StoreEvent } from "../store/store.ts";
import type { Audience } from "./audience.ts";
import type { Reader, ResourceCache } from "./cache.ts";
import type { HistoryBounds } from "./history.ts";
import type { Host } from "./host.ts";
import { type GroupResource, storagePrefix } from "./keys.ts";
import { CachedResource, type Extent } from "./resource.ts";
import { cacheFamilies, type Families, ResourceSeries } from "./series.ts";
import { Shared } from "./stored.ts";
import { UnreadableError } from "./transformer.ts";

export interface WatchCacheOptions {
  store: Store;
  clock: Clock;
  /** What is loaded before openCache resolves; others are loaded when first asked for. */
  resources: readonly ResourceDef[];
  /** Selectable fields besides metadata.name and metadata.namespace; called with the parsed object, once per version at most. */
  index(resource: ResourceDef, object: KubeObject): { fields?: Record<string, string> };
  /** All that `index` looks at in objects of the resource; undefined: anything. */
  indexReads?(resource: ResourceDef): Wanted | undefined;
  /** @default "/registry" */
  keyPrefix?: string;
  /** This process alone writes the store, so no read asks it how far it is. @default true */
  exclusive?: boolean;
  /** JSON of an object in the hub version, in Go's order of fields. @default encodeJSON */
  encode?(object: KubeObject): Uint8Array;
  /** JSON bytes of the objects whose parsed form is kept. @default 256 KiB: they are five times that in memory, most are read again at once or not at all, and what is kept longer becomes old garbage */
  parsedBytes?: number;
  history?: HistoryBounds;
  /** Counts what is done for each resource. */
  metrics?: Metrics;
}

export interface WatchCache extends AsyncDisposable {
  /** One per storage key: resources that are kept under the same key (events of both groups, all versions) share it. */
  resource<T extends KubeObject = KubeObject>(resource: ResourceDef): ResourceCache<T>;
  /** Drops what is held of a resource that is served no more; its watches end. */
  release(resource: GroupResource): void;
  readonly reader: Reader;
  /** Revision up to which the store's changes are applied. */
  revision(): number;
  /** Rejects where nothing can be read any more: the store does not answer, or its changes could not be followed. */
  check(): Promise<void>;
  /** What a list of a resource (`pods`, `roles.rbac.authorization.k8s.io`) would be like; undefined for one that is not held. */
  extent(groupResource: string): Extent | undefined;
  /** What is held of each resource, counted when asked for. */
  holdings(): Holding[];
}

export interface Holding {
  resource: ResourceDef;
  objects: number;
  /** Of the objects' JSON. */
  bytes: number;
}

/** Milliseconds until a watch of the store that has broken is begun again: the first time, and at most. */
const firstDelay = 1_000;
const longestDelay = 10_000;

/** Changes applied without a turn of the event loop, after which writers wait for one. */
const stagedAtMost = 256;

/**
 * Resolves when all `resources` are in memory, but those of which a value cannot be read: they come when it can. Rejects with
 * StoreError.
 */
export async function openCache(options: WatchCacheOptions): Promise<WatchCache> {
  const cache = new StoreCache(options);
  try {
    await cache.open();
  } catch (error) {
    await cache[Symbol.asyncDispose]();
    throw error;
  }
  return cache;
}

/** The resource tells it to who asks, and tries again. */
function tolerateUnreadable(error: unknown): void {
  if (!(error instanceof UnreadableError)) throw error;
}

class StoreCache implements WatchCache, Host {
  readonly store: Store;
  readonly clock: Clock;
  readonly history?: HistoryBounds;
  readonly reader: Reader;
  readonly #options: WatchCacheOptions;
  readonly #shared: Shared;
  readonly #resources = new Map<string, CachedResource>();
  /** The same by groupResource, as admission asks for them several times a request. */
  readonly #byName = new Map<string, CachedResource>();
  readonly #stop = new AbortController();
  #waiting: { revision: number; resolve: () => void; reject: (error: unknown) => void }[] = [];
  readonly #root: string;
  readonly #families: Families;
  #toRelease = new Set<Audience>();
  /** Revision applied when something was released last. */
  #told = 0;
  /** Revision applied at the last turn of the event loop that a writer waited for. */
  #released = 0;
  #breathing: (() => void)[] = [];
  #applied = 0;
  #following: Promise<void> = Promise.resolve();
  /** It is closed. */
  #failure?: Error;
  /** Why the store's changes cannot be followed at the moment. */
  #broken?: Error;

  constructor(options: WatchCacheOptions) {
    this.#options = options;
    this.store = options.store;
    this.clock = options.clock;
    this.history = options.history;
    this.#shared = new Shared(options.parsedBytes ?? 256 * 1024);
    this.#families = cacheFamilies(options.metrics ?? new Metrics());
    this.#root = `${options.keyPrefix ?? "/registry"}/`;
    this.reader = {
      get: <T extends KubeObject>(resource: string, namespace: string, name: string) => this.#named(resource).peek(namespace, name)?.object() as T | undefined,
      list: <T extends KubeObject>(resource: string, namespace?: string) =>
        this.#named(resource)
          .peekAll(namespace)
          .map((stored) => stored.object() as T),
      labels: (resource, namespace, name) => this.#named(resource).peek(namespace, name)?.labels,
      onChange: (resource, fn) => this.#named(resource).onChange(fn),
    };
  }

  async open(): Promise<void> {
    this.#applied = this.#released = await this.store.revision();
    const loads = this.#options.resources.map((resource) => this.#loaded(resource));
    this.#following = this.#follow(this.#applied);
    await Promise.all(loads.map((load) => load.ready.catch(tolerateUnreadable)));
  }

  resource<T extends KubeObject>(resource: ResourceDef): ResourceCache<T> {
    return this.#loaded(resource).cached as unknown as ResourceCache<T>;
  }
  release(resource: GroupResource): void {
    const prefix = storagePrefix(resource, this.#options.keyPrefix);
    const cached = this.#resources.get(prefix);
    if (!cached) return;
    this.#resources.delete(prefix);
    this.#byName.delete(resource.group ? `${resource.resource}.${resource.group}` : resource.resource);
    cached.close();
  }
  seriesOf(resource: GroupResource): ResourceSeries {
    return new ResourceSeries(this.#families, resource);
  }
  revision(): number {
    return this.#applied;
  }
  applied(): number {
    return this.#applied;
  }
  async check(): Promise<void> {
    if (this.#failure ?? this.#broken) throw this.#failure ?? this.#broken;
    await this.store.revision();
  }
  reached(revision: number): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (revision <= this.#applied) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiting.push({ revision, resolve, reject }));
  }
  fresh(): number | Promise<number> {
    if (this.#failure) throw this.#failure;
    return (this.#options.exclusive ?? true) ? this.#applied : this.#caughtUp();
  }
  async #caughtUp(): Promise<number> {
    await this.reached(await this.store.revision());
    return this.#applied;
  }
  told(): number {
    return this.#toRelease.size > 0 ? this.#told : this.#applied;
  }
  releaseSoon(audience: Audience): void {
    // Once the promises of this turn have settled, the writers' among them, and before anything else is read from a socket:
    // whoever gets an answer has the event on its way, too.
    if (this.#toRelease.size === 0) process.nextTick(() => this.#release());
    this.#toRelease.add(audience);
  }
  breathe(): Promise<void> | undefined {
    if (this.#applied - this.#released < stagedAtMost) return undefined;
    return new Promise((resolve) => {
      if (this.#breathing.push(resolve) > 1) return;
      setImmediate(() => {
        this.#released = this.#applied;
        const breathing = this.#breathing;
        this.#breathing = [];
        for (const done of breathing) done();
      });
    });
  }
  encode(object: KubeObject, texts: MemberTexts | undefined): Uint8Array {
    return this.#options.encode ? this.#options.encode(object) : encodeMembers(object, texts);
  }
  extent(groupResource: string): Extent | undefined {
    return this.#find(groupResource)?.extent();
  }
  holdings(): Holding[] {
    return [...this.#resources.values()].map((cached) => {
      const all = cached.peekAll();
      return { resource: cached.resource, objects: all.length, bytes: all.reduce((sum, { bytes }) => sum + bytes.length, 0) };
    });
  }
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#fail(new StoreError("the cache is closed"));
    await this.#following;
  }

  #loaded(resource: ResourceDef): { cached: CachedResource; ready: Promise<void> } {
    const prefix = storagePrefix(resource, this.#options.keyPrefix);
    const known = this.#resources.get(prefix);
    if (known) return { cached: known, ready: Promise.resolve() };
    const index = (object: KubeObject): { fields?: Record<string, string> } => this.#options.index(resource, object);
    const cached = new CachedResource(this, resource, prefix, { shared: this.#shared, index, reads: this.#options.indexReads?.(resource), fieldNames: [] });
    this.#resources.set(prefix, cached);
    const ready = cached.load();
    // A failed load is seen by whoever reads the resource.
    ready.catch(() => undefined);
    return { cached, ready };
  }
  #named(name: string): CachedResource {
    const cached = this.#find(name);
    if (!cached) throw new Error(`the cache does not hold ${name}`);
    return cached;
  }
  #find(name: string): CachedResource | undefined {
    const known = this.#byName.get(name);
    if (known) return known;
    const dot = name.indexOf(".");
    const resource: GroupResource = dot < 0 ? { group: "", resource: name } : { group: name.slice(dot + 1), resource: name.slice(0, dot) };
    const cached = this.#resources.get(storagePrefix(resource, this.#options.keyPrefix));
    if (cached) this.#byName.set(name, cached);
    return cached;
  }

  #release(): void {
    const audiences = this.#toRelease;
    this.#toRelease = new Set();
    this.#told = this.#applied;
    for (const audience of audiences) audience.release();
  }
  /** Whatever ends the store's watch, it is begun again, ever later; then everything is read anew, as nobody knows what was missed. */
  async #follow(from: number): Promise<void> {
    const { signal } = this.#stop;
    let at: number | undefined = from;
    let delay = firstDelay;
    while (!signal.aborted)
      try {
        at ??= await this.#reload();
        for await (const events of this.store.watch("", { fromRevision: at, signal })) {
          delay = firstDelay;
          for (const event of events) this.#resourceOf(event.key)?.apply(event);
          at = (events.at(-1) as StoreEvent).revision;
          this.#advance(at);
        }
      } catch (error) {
        if (signal.aborted) return;
        at = undefined;
        // The past is gone, so the present is read.
        if (error instanceof CompactedError) continue;
        this.#broken = error as Error;
        await this.clock.sleep(delay, signal).catch(() => undefined);
        delay = Math.min(delay * 2, longestDelay);
      }
  }
  /** Gives the revision to follow from. Watchers are told to begin anew, too. */
  async #reload(): Promise<number> {
    const revision = await this.store.revision();
    this.#broken = undefined;
    // A resource that cannot be loaded tells it to who asks, and tries again.
    for (const resource of this.#resources.values()) resource.load().catch(() => undefined);
    this.#advance(revision);
    return revision;
  }
  #advance(revision: number): void {
    this.#applied = revision;
    const all = this.#waiting;
    if (all.length === 0) return;
    this.#waiting = all.filter((waiting) => waiting.revision > revision);
    for (const waiting of all) if (waiting.revision <= revision) waiting.resolve();
  }
  #fail(error: Error): void {
    this.#failure ??= error;
    for (const waiting of this.#waiting) waiting.reject(this.#failure);
    this.#waiting = [];
    for (const resource of this.#resources.values()) resource.end(this.#failure);
  }
  #resourceOf(key: string): CachedResource | undefined {
    if (!key.startsWith(this.#root)) return undefined;
    const first = key.indexOf("/", this.#root.length) + 1;
    if (first === 0) return undefined;
    const short = this.#resources.get(key.slice(0, first));
    if (short) return short;
    const second = key.indexOf("/", first) + 1;
    return second === 0 ? undefined : this.#resources.get(key.slice(0, second));
  }
}
