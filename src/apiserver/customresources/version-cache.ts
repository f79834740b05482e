/**
 * The stored objects of a custom resource as one version sees them: read with the schema of the version they were written
 * in (unknown fields go, defaults come), converted, and written in the version that is stored
 * (crdConversionRESTOptionsGetter of apiextensions-apiserver/pkg/apiserver/customresource_handler.go).
 */
import type { CustomVersion } from "../../api/apiextensions/custom-version.ts";
import { encodeJSON } from "../../api/codec/json.ts";
import type { Wanted } from "../../api/codec/json-part.ts";
import { deepCopy, deepEqual } from "../../api/copy.ts";
import type { JSONObject } from "../../api/json.ts";
import type { Kind } from "../../api/kind.ts";
import type { KubeObject } from "../../api/object.ts";
import { StatusError, tooManyRequests } from "../../api/status.ts";
import type { ResourceDef } from "../../api/schema/schema.ts";
import type { Clock } from "../../base/clock.ts";
import { Slices } from "../../base/slices.ts";
import type { CacheEvent, CacheList, CacheListOptions, CacheWatchOptions, Predicate, ResourceCache, Stored } from "../../cache/cache.ts";
import { cacheKey } from "../../cache/keys.ts";
import { coerceConverted, type Converter } from "./converter.ts";

export interface VersionCacheOptions {
  resource: ResourceDef;
  storage: ResourceCache;
  version: CustomVersion;
  storageVersion: CustomVersion;
  /** By apiVersion: all that objects may be stored in. */
  versions: ReadonlyMap<string, CustomVersion>;
  converter: Converter;
  kind: Kind;
  clock: Clock;
}

/** An object that is not stored as this version has it, or that has fields of its own to be selected by. */
class View implements Stored {
  readonly revision: number;
  readonly #stored: Stored;
  readonly #object: KubeObject | undefined;
  readonly #kind: Kind;
  #bytes: Uint8Array | undefined;
  #fields: Readonly<Record<string, string>> | undefined;

  constructor(stored: Stored, object: KubeObject | undefined, kind: Kind, revision = stored.revision) {
    this.#stored = stored;
    this.revision = revision;
    this.#object = object;
    this.#kind = kind;
  }
  get namespace(): string {
    return this.#stored.namespace;
  }
  get name(): string {
    return this.#stored.name;
  }
  get uid(): string {
    return this.#stored.uid;
  }
  get labels(): Readonly<Record<string, string>> {
    return this.#object ? (this.#object.metadata.labels ?? {}) : this.#stored.labels;
  }
  get fields(): Readonly<Record<string, string>> {
    this.#fields ??= { ...this.#kind.fields?.(this.object()), "metadata.name": this.name, "metadata.namespace": this.namespace };
    return this.#fields;
  }
  get bytes(): Uint8Array {
    if (!this.#object) return this.#stored.bytes;
    this.#bytes ??= encodeJSON(this.#object);
    return this.#bytes;
  }
  object(): KubeObject {
    return this.#object ?? this.#stored.object();
  }
  part(wanted: Wanted): { object: KubeObject; metadata: Uint8Array } {
    return this.#object ? { object: this.#object, metadata: encodeJSON(this.#object.metadata) } : this.#stored.part(wanted);
  }
}

export class VersionCache implements ResourceCache {
  readonly resource: ResourceDef;
  readonly #options: VersionCacheOptions;
  readonly #views = new WeakMap<Stored, Stored>();
  readonly #ended = new AbortController();
  #ready = false;
  #trying: Promise<void> | undefined;

  constructor(options: VersionCacheOptions) {
    this.#options = options;
    this.resource = options.resource;
    // Who asks later hears why it failed.
    this.ready().catch(() => undefined);
  }
  /** Rejects with 429 until all that is stored could be converted once. */
  async ready(): Promise<void> {
    if (this.#ready || this.#options.converter.now) return;
    this.#trying ??= this.#prepare().finally(() => {
      this.#trying = undefined;
    });
    return this.#trying;
  }
  async #prepare(): Promise<void> {
    const { storage, version } = this.#options;
    try {
      await this.#all((await storage.list({})).items);
      this.#ready = true;
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      throw tooManyRequests(`storage is (re)initializing: failed to list ${version.apiVersion}, Kind=${version.kind}: ${error.message}`, 1);
    }
  }
  /** Ends its watches: the definition has changed. */
  close(): void {
    this.#ended.abort();
  }

  async get(namespace: string, name: string, { anew = false }: { anew?: boolean } = {}): Promise<Stored | undefined> {
    const stored = await this.#options.storage.get(namespace, name);
    return stored && (anew ? this.#anew(stored) : this.#one(stored));
  }
  /** As upstream reads it past its cache: a webhook that has learned otherwise, or fails now, shows. */
  async #anew(stored: Stored): Promise<Stored> {
    const { converter, kind } = this.#options;
    if (converter.now) return this.#one(stored);
    const [object] = await this.#shown([this.#read(stored)]);
    return new View(stored, object === stored.object() ? undefined : object, kind);
  }
  async list(options: CacheListOptions): Promise<CacheList> {
    const { storage, converter } = this.#options;
    const { predicate, limit = 0 } = options;
    if (converter.now) {
      const list = await storage.list({ ...options, ...(predicate ? { predicate: this.#seen(predicate) } : {}) });
      return { ...list, items: await this.#all(list.items) };
    }
    if (!predicate) {
      const list = await storage.list(options);
      return { ...list, items: await this.#all(list.items) };
    }
    // What is selected shows only in the converted form.
    const { limit: _limit, predicate: _predicate, ...whole } = options;
    const list = await storage.list(whole);
    const items = (await this.#all(list.items)).filter(predicate);
    const cut = limit > 0 && items.length > limit ? items.slice(0, limit) : items;
    const last = cut.at(-1);
    return { items: cut, revision: list.revision, ...(cut !== items && last ? { last: cacheKey(last.namespace, last.name) } : {}) };
  }
  /** Also where a write of what is shown would store something else than what is stored. */
  async stale(namespace: string, name: string): Promise<boolean> {
    const { storage } = this.#options;
    if (await storage.stale(namespace, name)) return true;
    const stored = await storage.get(namespace, name);
    if (!stored) return false;
    const view = (await this.#one(stored)).object();
    const wanted = await this.#toStorage(view);
    return wanted !== stored.object() && !deepEqual(wanted, stored.object());
  }
  async *watch(options: CacheWatchOptions): AsyncGenerator<CacheEvent[], void> {
    const { where: _where, predicate, ...rest } = options;
    const signal = AbortSignal.any([options.signal, this.#ended.signal]);
    if (predicate && !this.#options.converter.now) {
      yield* this.#selected({ ...rest, signal }, predicate);
      return;
    }
    const events = this.#options.storage.watch({ ...rest, signal, ...(predicate ? { predicate: this.#seen(predicate) } : {}) });
    for await (const batch of events) yield await this.#events(batch);
  }
  /** What is selected shows only in the converted form: the objects that are selected now are remembered. */
  async *#selected(options: CacheWatchOptions, predicate: Predicate): AsyncGenerator<CacheEvent[], void> {
    const { storage } = this.#options;
    const { initial, fromRevision: revision, namespace } = options;
    const selected = new Map<string, Stored>();
    if (!initial) {
      const { items } = await storage.list({ revision, ...(namespace === undefined ? {} : { namespace }) });
      for (const view of await this.#all(items)) if (predicate(view)) selected.set(cacheKey(view.namespace, view.name), view);
    }
    for await (const batch of storage.watch(options)) yield (await this.#events(batch)).flatMap((event) => this.#transition(event, selected, predicate) ?? []);
  }
  /** As one sees it who sees only what is selected; undefined: not at all. */
  #transition(event: CacheEvent, selected: Map<string, Stored>, predicate: Predicate): CacheEvent | undefined {
    const { stored, type, revision } = event;
    if (!stored) return event;
    const key = cacheKey(stored.namespace, stored.name);
    const previous = selected.get(key);
    if (type !== "DELETED" && predicate(stored)) {
      selected.set(key, stored);
      return { ...event, type: previous ? "MODIFIED" : "ADDED" };
    }
    selected.delete(key);
    if (!previous) return undefined;
    return type === "DELETED" ? event : { type: "DELETED", stored: this.#at(previous, revision), revision };
  }
  /** The state under the revision of what took it away. */
  #at(stored: Stored, revision: number): Stored {
    const object = stored.object();
    return new View(stored, { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } }, this.#options.kind, revision);
  }
  async create(object: KubeObject, options?: { ttlSeconds?: number }): Promise<Stored> {
    return this.#one(await this.#options.storage.create(await this.#toStorage(object), options));
  }
  /** What is stored as it is stored already is not written. */
  async update(object: KubeObject, expected: number, options?: { ttlSeconds?: number }): Promise<Stored> {
    const { storage, version, storageVersion } = this.#options;
    const { namespace = "", name } = object.metadata;
    const wanted = await this.#toStorage(object);
    const current = version === storageVersion ? undefined : await storage.get(namespace, name);
    const same = current?.revision === expected && deepEqual(wanted, current.object()) && !(await storage.stale(namespace, name));
    return same ? this.#anew(current) : this.#one(await storage.update(wanted, expected, options));
  }
  async delete(namespace: string, name: string, expected: number): Promise<Stored> {
    return this.#one(await this.#options.storage.delete(namespace, name, expected));
  }
  revision(): Promise<number> {
    return this.#options.storage.revision();
  }
  held(): Promise<void> {
    return this.#options.storage.held();
  }

  async #toStorage(object: KubeObject): Promise<KubeObject> {
    const { version, storageVersion } = this.#options;
    if (version === storageVersion) return object;
    const { resourceVersion, ...metadata } = object.metadata;
    const [converted] = await this.#converted([{ ...object, metadata: metadata as KubeObject["metadata"] }], storageVersion);
    const stored = storageVersion.settled(converted as KubeObject);
    if (resourceVersion !== undefined) stored.metadata.resourceVersion = resourceVersion;
    return stored;
  }
  /** As upstream's store, which is given what its cache shows and begins with writing that (etcd3 store.getStateFromObject). */
  async storable(shown: KubeObject): Promise<void> {
    await this.#toStorage(shown);
  }
  /** A write that is not made goes there and back as well: what a schema does not know is lost on the way. */
  async tried(object: KubeObject): Promise<KubeObject> {
    const { version, storageVersion } = this.#options;
    if (version === storageVersion) return this.#schemed(object);
    const [stored] = await this.#converted([object], storageVersion);
    const [back] = await this.#converted([this.#schemed(stored as KubeObject)], version);
    return back as KubeObject;
  }
  /** Selects by what this version shows. */
  #seen(predicate: Predicate): Predicate {
    return this.#options.converter.now ? (stored) => predicate(this.#now(stored)) : predicate;
  }

  /** As it is read: `stored` itself where the schema takes nothing away and adds nothing. */
  #read(stored: Stored): KubeObject {
    return this.#schemed(stored.object());
  }
  #schemed(object: KubeObject): KubeObject {
    const version = this.#options.versions.get(object.apiVersion ?? "");
    if (!version) return object;
    const copy = deepCopy(object);
    version.coerce(copy as unknown as JSONObject, { stored: true });
    version.setDefaults(copy as unknown as JSONObject);
    return deepEqual(copy, object) ? object : copy;
  }
  #keep(stored: Stored, object: KubeObject | undefined): Stored {
    const { kind } = this.#options;
    const view = object || kind.fields ? new View(stored, object, kind) : stored;
    this.#views.set(stored, view);
    return view;
  }
  #now(stored: Stored): Stored {
    const known = this.#views.get(stored);
    if (known) return known;
    const read = this.#read(stored);
    const object = this.#options.converter.now?.(read, this.#options.version) ?? read;
    return this.#keep(stored, object === stored.object() ? undefined : object);
  }
  async #one(stored: Stored): Promise<Stored> {
    return (await this.#all([stored]))[0] as Stored;
  }
  async #all(items: readonly Stored[]): Promise<Stored[]> {
    const { converter } = this.#options;
    if (converter.now) return this.#mapped(items, (stored) => this.#now(stored));
    const unknown = items.filter((stored) => !this.#views.has(stored));
    const read = await this.#mapped(unknown, (stored) => this.#read(stored));
    const converted = read.length ? await this.#shown(read) : [];
    for (const [i, stored] of unknown.entries()) this.#keep(stored, converted[i] === stored.object() ? undefined : converted[i]);
    return items.map((stored) => this.#views.get(stored) as Stored);
  }
  /** Of what is read from the store: a webhook is not shown its revision, which is none of the object's yet. */
  async #shown(objects: readonly KubeObject[]): Promise<KubeObject[]> {
    const { version } = this.#options;
    const bare = objects.map((object) => {
      if (object.apiVersion === version.apiVersion) return object;
      const { resourceVersion: _, ...metadata } = object.metadata;
      return { ...object, metadata: metadata as KubeObject["metadata"] };
    });
    const made = await this.#converted(bare, version);
    return made.map((object, i) => {
      const { resourceVersion } = (objects[i] as KubeObject).metadata;
      if (bare[i] === objects[i] || resourceVersion === undefined) return object;
      return { ...object, metadata: { ...object.metadata, resourceVersion } };
    });
  }
  /** What the version does not know goes. */
  async #converted(objects: readonly KubeObject[], to: CustomVersion): Promise<KubeObject[]> {
    const { converter } = this.#options;
    const made = await converter.convert(objects, to);
    if (!converter.now) for (const [i, object] of made.entries()) if (object !== objects[i]) coerceConverted(object, to);
    return made;
  }
  async #mapped<T, R>(items: readonly T[], map: (item: T) => R): Promise<R[]> {
    const slices = new Slices(this.#options.clock);
    const mapped: R[] = [];
    for (const item of items) {
      mapped.push(map(item));
      if (slices.isOver) await slices.rest();
    }
    return mapped;
  }
  async #events(batch: readonly CacheEvent[]): Promise<CacheEvent[]> {
    const stored = batch.flatMap((event) => event.stored ?? []);
    const views = await this.#all(stored);
    let next = 0;
    return batch.map((event) => (event.stored ? { ...event, stored: views[next++] as Stored } : event));
  }
}
