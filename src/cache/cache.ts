/**
 * The watch cache: every object of the store in memory as bytes plus a small index record, and the events of the recent
 * past. All reads of the API server come from here; writes go through to the store.
 *
 * Guarantees
 * - A read begun after a write's promise settled sees that write (with a store that this process alone writes: without
 *   asking it; otherwise after progress up to the store's revision).
 * - A watch sees each change once, in order of revision, after the write's promise settled.
 * - Bytes and parsed objects are shared and immutable. An event is encoded once for all its watchers.
 */
import type { MemberTexts } from "../api/codec/json.ts";
import type { Wanted } from "../api/codec/json-part.ts";
import type { KubeObject } from "../api/object.ts";
import type { ResourceDef } from "../api/schema/schema.ts";

/** One version of one object. */
export interface Stored<T extends KubeObject = KubeObject> {
  readonly namespace: string;
  readonly name: string;
  /** Revision of the write: metadata.resourceVersion. */
  readonly revision: number;
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Selectable fields, metadata.name and metadata.namespace among them. */
  readonly fields: Readonly<Record<string, string>>;
  /** JSON in the hub version, kind and apiVersion included, resourceVersion spliced in; no trailing newline. */
  readonly bytes: Uint8Array;
  /** Parsed on demand, kept in a bounded cache; immutable. */
  object(): T;
  /** The object with at least the members that are wanted, made without parsing the others, and JSON of its metadata. Immutable. */
  part(wanted: Wanted): { object: T; metadata: Uint8Array };
}

/** Whether an object is selected; absent means everything. */
export type Predicate = (stored: Stored) => boolean;

export interface CacheListOptions {
  namespace?: string;
  predicate?: Predicate;
  limit?: number;
  /** Only keys after this one (`namespace/name` or `name`). */
  after?: string;
  /** Read exactly as of this revision (from the store's history). Rejects with CompactedError. */
  revision?: number;
}
export interface CacheList {
  items: Stored[];
  revision: number;
  /** Set when `limit` was reached before the last key: key of the last item returned. With a predicate nothing may follow all the same. */
  last?: string;
  /** Items beyond the limit; undefined when a predicate makes it unknown. */
  remaining?: number;
}

export interface CacheEvent {
  type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  /** For DELETED the last state with the deletion's revision. Absent for BOOKMARK. */
  stored?: Stored;
  revision: number;
  /** The BOOKMARK that ends the initial events. */
  initial?: true;
}
/** In order of revision. Those who watch the same share it. */
export type EventBatch = readonly CacheEvent[];

export interface CacheWatchOptions {
  namespace?: string;
  predicate?: Predicate;
  /**
   * A selectable field that `predicate` requires to have this value (`spec.nodeName`): a change of objects with other values
   * then costs this watcher nothing. Only a hint; `predicate` decides.
   */
  where?: { field: string; value: string };
  /** Changes after this revision. Rejects with CompactedError when they are no longer kept. */
  fromRevision: number;
  /** Deliver what exists first as ADDED, then a BOOKMARK marked initial (sendInitialEvents), alone in its batch. */
  initial?: boolean;
  /** BOOKMARK events about once a minute and shortly before a deadline. */
  bookmarks?: boolean;
  /** When the caller will end the watch, by the clock's monotonic(): a bookmark comes two seconds before. */
  deadline?: number;
  signal: AbortSignal;
}

/** One resource: reads from memory, writes through to the store. All objects given are complete and normalised. */
export interface ResourceCache<T extends KubeObject = KubeObject> {
  readonly resource: ResourceDef;
  /** `anew`: nothing that was made of the stored value before will do. */
  get(namespace: string, name: string, options?: { anew?: boolean }): Promise<Stored<T> | undefined>;
  list(options: CacheListOptions): Promise<CacheList>;
  /** Batches; ends when the signal does; the iteration throws CompactedError for a watcher too slow for its queue. */
  watch(options: CacheWatchOptions): AsyncIterable<EventBatch>;
  /** Rejects with ExistsError. `ttlSeconds` for events; `texts`: JSON of members of the object, where the writer has it. */
  create(object: T, options?: { ttlSeconds?: number; texts?: MemberTexts }): Promise<Stored<T>>;
  /** Replaces the version `expected`. Rejects with RevisionMismatchError. */
  update(object: T, expected: number, options?: { ttlSeconds?: number }): Promise<Stored<T>>;
  /** Deletes the version `expected`; returns the last state under the deletion's revision. */
  delete(namespace: string, name: string, expected: number): Promise<Stored<T>>;
  /** Whether an update that changes nothing is to be written all the same: the value is stored otherwise now. */
  stale(namespace: string, name: string): Promise<boolean>;
  /** Revision this cache has reached. */
  revision(): Promise<number>;
  /**
   * Resolves when all is in memory. Rejects with StatusError 429 while a stored value cannot be read: until all can, lists
   * without a limit and watches reject likewise, and what else is asked is looked up in the store.
   */
  held(): Promise<void>;
}

/** What the API server's own authorizers and admission plugins read: parsed, from memory, never a copy. */
export interface Reader {
  /** `resource` is a groupResource: `pods`, `clusterroles.rbac.authorization.k8s.io`. */
  get<T extends KubeObject>(resource: string, namespace: string, name: string): T | undefined;
  list<T extends KubeObject>(resource: string, namespace?: string): T[];
  /** The object's labels without its parsed form; undefined where there is no such object. */
  labels(resource: string, namespace: string, name: string): Readonly<Record<string, string>> | undefined;
  /** Called on each change of the resource, after the cache holds it. */
  onChange(resource: string, fn: (namespace: string, name: string) => void): void;
}
