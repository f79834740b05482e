/**
 * Ordered keys with one global revision: the contract of every driver (memory, lmdb, etcd).
 *
 * Guarantees
 * - Each successful write takes exactly one new revision, greater than all before; revisions never go back, not even over
 *   a crash. A write's promise settles only when the write is durable (what durable means is the driver's: memory none,
 *   lmdb flushed to disk, etcd committed by a quorum).
 * - Writes are linearizable; a read without `revision` sees every write whose promise had settled before the read began.
 * - A watch delivers each change after `fromRevision` exactly once, in order of revision, never before the write's promise
 *   has been resolved by the driver, and never a change that could be lost by a crash.
 * - Keys compare bytewise. Values are opaque and must not be changed by either side after they were handed over.
 */

export interface KeyValue {
  key: string;
  value: Uint8Array;
  /** Revision of the write that made this value. */
  revision: number;
  /** Revision of the write that created the key. */
  createRevision: number;
}

/** One change. `value` is absent for a deletion; `revision` is the change's own. */
export interface StoreEvent {
  key: string;
  revision: number;
  value?: Uint8Array;
  /** Why the value cannot be read, of a store in front of another one. */
  unreadable?: Error;
}

export interface ListOptions {
  /** Read as it was at this revision; 0 or absent: now. Rejects with CompactedError or FutureRevisionError. */
  revision?: number;
  /** At most so many items; absent: all. */
  limit?: number;
  /** Only keys greater than this one. */
  after?: string;
}

export interface ListResult {
  items: KeyValue[];
  /** The revision the list is true of. */
  revision: number;
  /** Keys that match but lie beyond `limit`. */
  remaining: number;
}

export interface WatchOptions {
  /** Changes with a greater revision are delivered; rejects at the first step with CompactedError when they are gone. */
  fromRevision: number;
  /** Ends the watch: the iteration then finishes without an error. */
  signal: AbortSignal;
}

export interface Store {
  /** Rejects with ExistsError. Returns the revision. `ttlSeconds`: the key is deleted (as any delete) after that time. */
  create(key: string, value: Uint8Array, options?: { ttlSeconds?: number }): Promise<number>;
  /** Replaces the value written at `expected`. Rejects with RevisionMismatchError (also where the key is absent). */
  update(key: string, value: Uint8Array, expected: number, options?: { ttlSeconds?: number }): Promise<number>;
  /** Deletes the value written at `expected`. Rejects with RevisionMismatchError. Returns the deletion's revision. */
  delete(key: string, expected: number): Promise<number>;
  /** Latest value, or undefined. */
  get(key: string): Promise<KeyValue | undefined>;
  /** Keys that begin with `prefix`, in order. */
  list(prefix: string, options?: ListOptions): Promise<ListResult>;
  /** Batches of changes to keys that begin with `prefix`; a batch never splits one revision. */
  watch(prefix: string, options: WatchOptions): AsyncIterable<StoreEvent[]>;
  /** Whether the value would be stored otherwise if it were written now; absent where values are stored as they are. */
  stale?(key: string): Promise<boolean>;
  /** Latest revision. A store that never saw a write is at revision 1. */
  revision(): Promise<number>;
  /** Forgets history up to and including `revision`; the values that live then stay. */
  compact(revision: number): Promise<void>;
  /** Revision up to which history was forgotten; 0 when it never was. */
  compactedRevision(): Promise<number>;
  [Symbol.asyncDispose](): Promise<void>;
}

export class StoreError extends Error {}
export class ExistsError extends StoreError {
  override name = "ExistsError";
  readonly key: string;
  constructor(key: string) {
    super(`key ${key} exists`);
    this.key = key;
  }
}
export class RevisionMismatchError extends StoreError {
  override name = "RevisionMismatchError";
  /** `current` is what is there now, undefined when nothing is. */
  readonly key: string;
  readonly expected: number;
  readonly current?: KeyValue;
  constructor(key: string, expected: number, current?: KeyValue) {
    super(`key ${key} is not at revision ${expected}`);
    this.key = key;
    this.expected = expected;
    this.current = current;
  }
}
export class CompactedError extends StoreError {
  override name = "CompactedError";
  readonly compacted: number;
  constructor(compacted: number) {
    super(`history up to revision ${compacted} is gone`);
    this.compacted = compacted;
  }
}
export class FutureRevisionError extends StoreError {
  override name = "FutureRevisionError";
  readonly asked: number;
  readonly current: number;
  constructor(asked: number, current: number) {
    super(`revision ${asked} is in the future, the store is at ${current}`);
    this.asked = asked;
    this.current = current;
  }
}
