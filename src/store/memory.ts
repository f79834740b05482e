/** The store in memory: nothing survives the process; every write is settled at once. History is kept until compact(). */
import type { Clock } from "../base/clock.ts";
import { SortedMap } from "../base/sorted-map.ts";
import { EventLog, follow, Notifier } from "./event-log.ts";
import { Expiry } from "./expiry.ts";
import { listPast, Pasts } from "./rewind.ts";
import {
  CompactedError,
  ExistsError,
  FutureRevisionError,
  type KeyValue,
  type ListOptions,
  type ListResult,
  RevisionMismatchError,
  type Store,
  StoreError,
  type StoreEvent,
  type WatchOptions,
} from "./store.ts";

export interface MemoryStoreOptions {
  /** For times to live. */
  clock: Clock;
}

export function memoryStore(options: MemoryStoreOptions): Store {
  return new MemoryStore(options.clock);
}

/** A change with what was there before, which lists of the past need. */
interface Change extends StoreEvent {
  previous?: KeyValue;
}

class MemoryStore implements Store {
  readonly #live = new SortedMap<KeyValue>();
  readonly #log = new EventLog<Change>(1);
  readonly #changed = new Notifier();
  readonly #pasts = new Pasts();
  readonly #expiry: Expiry;
  readonly #clock: Clock;
  #compacted = 0;
  #closed = false;
  #notifying = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#expiry = new Expiry(clock, (key, revision) => {
      const current = this.#live.get(key);
      if (current?.revision === revision) this.#apply(key, undefined, current);
    });
  }

  async create(key: string, value: Uint8Array, options?: { ttlSeconds?: number }): Promise<number> {
    this.#open();
    if (this.#live.get(key)) throw new ExistsError(key);
    return this.#apply(key, value, undefined, options?.ttlSeconds);
  }
  async update(key: string, value: Uint8Array, expected: number, options?: { ttlSeconds?: number }): Promise<number> {
    return this.#apply(key, value, this.#expect(key, expected), options?.ttlSeconds);
  }
  async delete(key: string, expected: number): Promise<number> {
    return this.#apply(key, undefined, this.#expect(key, expected));
  }
  async get(key: string): Promise<KeyValue | undefined> {
    this.#open();
    return this.#live.get(key);
  }

  async list(prefix: string, options: ListOptions = {}): Promise<ListResult> {
    this.#open();
    const now = this.#log.last;
    const revision = options.revision || now;
    if (revision > now) throw new FutureRevisionError(revision, now);
    if (revision < this.#compacted) throw new CompactedError(this.#compacted);
    const past =
      revision < now
        ? this.#pasts.since(prefix, revision, now, (after, visit) => {
            for (const { key, previous } of this.#log.after(Math.max(after, this.#log.floor), now)) visit(key, previous ? { load: () => previous } : {});
          })
        : undefined;
    return listPast<KeyValue>(
      {
        each: (after, visit) => this.#live.each(prefix, after, visit),
        count: (after) => this.#live.count(prefix, after),
        has: (key) => this.#live.get(key) !== undefined,
        load: (_, record) => record,
      },
      past,
      options,
      revision,
    );
  }

  watch(prefix: string, options: WatchOptions): AsyncIterable<StoreEvent[]> {
    const after = (revision: number, limit: number): StoreEvent[] => {
      this.#open();
      if (revision < this.#compacted) throw new CompactedError(this.#compacted);
      return revision >= this.#log.last ? [] : this.#log.after(Math.max(revision, this.#log.floor), limit);
    };
    return follow({ after, changed: this.#changed }, prefix, options.fromRevision, options.signal);
  }

  async revision(): Promise<number> {
    this.#open();
    return this.#log.last;
  }
  async compact(revision: number): Promise<void> {
    this.#open();
    if (revision > this.#log.last) throw new FutureRevisionError(revision, this.#log.last);
    if (revision <= this.#compacted) return;
    this.#compacted = revision;
    this.#log.drop(revision);
    this.#pasts.clear();
    this.#changed.notify();
  }
  async compactedRevision(): Promise<number> {
    this.#open();
    return this.#compacted;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#expiry.close();
    this.#changed.notify();
  }

  #open(): void {
    if (this.#closed) throw new StoreError("the store is closed");
  }
  #expect(key: string, expected: number): KeyValue {
    this.#open();
    const current = this.#live.get(key);
    if (current?.revision !== expected) throw new RevisionMismatchError(key, expected, current);
    return current;
  }
  #apply(key: string, value: Uint8Array | undefined, previous: KeyValue | undefined, ttlSeconds?: number): number {
    const revision = this.#log.last + 1;
    if (value) this.#live.set(key, { key, value, revision, createRevision: previous?.createRevision ?? revision });
    else this.#live.delete(key);
    this.#log.push({ key, revision, ...(value ? { value } : {}), ...(previous ? { previous } : {}) });
    if (ttlSeconds) this.#expiry.add(key, revision, this.#clock.now() + ttlSeconds * 1000);
    if (!this.#notifying) {
      this.#notifying = true;
      queueMicrotask(() => {
        this.#notifying = false;
        this.#changed.notify();
      });
    }
    return revision;
  }
}
