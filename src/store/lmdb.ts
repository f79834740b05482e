/**
 * The embedded default: one LMDB file. `log` has a row per write (key and what it replaced), `data` its value, both by
 * revision, so that writes only append; which keys live is kept in memory and read from the log at the start.
 * A write settles after the commit's flush to disk. One process at a time.
 */
import { chmodSync, statfsSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Database, open, type RootDatabase } from "lmdb";
import type { Clock } from "../base/clock.ts";
import { SortedMap } from "../base/sorted-map.ts";
import { EventLog, follow, Notifier } from "./event-log.ts";
import { Expiry } from "./expiry.ts";
import { GroupCommit } from "./group-commit.ts";
import { checkFile, claim } from "./lmdb-file.ts";
import { decodeRecord, encodeRecord, type LogRecord } from "./lmdb-record.ts";
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

export interface LmdbStoreOptions {
  /** Made with mode 0700 when absent. */
  directory: string;
  /** For times to live. */
  clock: Clock;
}

/** Rejects with StoreError for files that are corrupt, foreign or in use by another process. */
export async function lmdbStore(options: LmdbStoreOptions): Promise<Store> {
  const owner = claim(options.directory);
  try {
    const store = new LmdbStore(options, owner);
    await store.recover();
    return store;
  } catch (error) {
    owner.release();
    throw error;
  }
}

const format = "k8ts store 1";
/** Changes that watches are served from memory, beside those of the last group: who keeps up needs no more, others read the log. */
const tailEvents = 64;
const compactRows = 400;

interface Live {
  revision: number;
  created: number;
  /** Only in the group being formed. */
  value?: Uint8Array;
}
interface Write {
  key: string;
  /** Absent: deletion. */
  value?: Uint8Array;
  /** Revision that must be current; 0: the key must not exist. */
  expected: number;
  expires: number;
}
interface Change extends LogRecord {
  revision: number;
  value?: Uint8Array;
}

class LmdbStore implements Store {
  readonly #path: string;
  readonly #owner: { release(): void };
  readonly #root: RootDatabase<Buffer, string>;
  readonly #log: Database<Buffer, number>;
  readonly #data: Database<Buffer, number>;
  readonly #live = new SortedMap<Live>();
  readonly #changed = new Notifier();
  readonly #pasts = new Pasts();
  readonly #commits: GroupCommit<Write, Change>;
  readonly #expiry: Expiry;
  readonly #clock: Clock;
  #tail = new EventLog(1);
  /** Keys as the group being formed leaves them; a new map for each group, see PassingMap. */
  #pending = new Map<string, Live | undefined>();
  #next = 2;
  #compacted = 0;
  #closed = false;

  constructor(options: LmdbStoreOptions, owner: { release(): void }) {
    this.#path = join(options.directory, "store.mdb");
    this.#owner = owner;
    this.#clock = options.clock;
    checkFile(this.#path);
    try {
      // overlappingSync off: a commit returns after its pages and its meta page are on the disk, and fails when they are not.
      // remapChunks: of the file what is read is mapped, not all around it (bench/apiserver.ts: 133 to 114 MiB with 5,000 pods).
      const settings = { noSubdir: true, remapChunks: true, overlappingSync: false, eventTurnBatching: false, maxDbs: 4, encoding: "binary" as const };
      this.#root = open<Buffer, string>({ path: this.#path, ...settings });
      const marker = this.#root.getBinary("format")?.toString();
      if (marker !== format) {
        if (marker !== undefined || this.#root.getCount() > 0)
          throw new StoreError(`it is a database of another program or version, marked ${JSON.stringify(marker ?? "")}`);
        this.#root.putSync("format", Buffer.from(format));
      }
      for (const path of [this.#path, `${this.#path}-lock`]) chmodSync(path, 0o600);
      this.#log = this.#root.openDB<Buffer, number>({ name: "log", encoding: "binary" });
      this.#data = this.#root.openDB<Buffer, number>({ name: "data", encoding: "binary" });
    } catch (error) {
      throw new StoreError(`cannot open the store ${this.#path}: ${(error as Error).message}`, { cause: error });
    }
    this.#commits = new GroupCommit<Write, Change>({
      decide: (write) => this.#decide(write),
      commit: (changes) => this.#commit(changes),
      apply: (changes) => this.#apply(changes),
      discard: () => {
        this.#pending = new Map();
        this.#next = this.#tail.last + 1;
      },
      settled: () => this.#changed.notify(),
    });
    this.#expiry = new Expiry(options.clock, (key, revision) => {
      // The key has changed meanwhile, or the store is closed: there is nothing to expire. A full disk is tried again later.
      this.#commits.write({ key, expected: revision, expires: 0 }).catch((error: unknown) => {
        if (this.#closed || error instanceof RevisionMismatchError) return;
        this.#expiry.add(key, revision, this.#clock.now() + 60_000);
      });
    });
  }

  /** Reads the log: which keys live, what the last compaction left undone. */
  async recover(): Promise<void> {
    try {
      this.#compacted = Number(this.#root.getBinary("compacted")?.toString() ?? 0);
      let last = Math.max(1, this.#compacted);
      const stale: number[] = [];
      const expiring = new Map<string, { revision: number; at: number }>();
      for (const { key: revision, value } of this.#log.getRange({})) {
        const record = decodeRecord(value);
        if (revision <= this.#compacted) {
          const replaced = this.#live.get(record.key);
          if (replaced) stale.push(replaced.revision);
          if (!record.created) stale.push(revision);
        } else if (revision !== last + 1) throw new StoreError(`the store ${this.#path} is corrupt: revision ${last + 1} is missing; restore it from a backup`);
        last = Math.max(last, revision);
        if (record.created) this.#live.set(record.key, { revision, created: record.created });
        else this.#live.delete(record.key);
        if (record.expires) expiring.set(record.key, { revision, at: record.expires });
        else expiring.delete(record.key);
      }
      this.#tail = new EventLog(last);
      this.#next = last + 1;
      for (let at = 0; at < stale.length; at += compactRows) await this.#remove(stale.slice(at, at + compactRows));
      for (const [key, { revision, at }] of expiring) this.#expiry.add(key, revision, at);
    } catch (error) {
      await this.#root.close();
      if (error instanceof StoreError) throw error;
      throw new StoreError(`the store ${this.#path} cannot be read: ${(error as Error).message}; restore it from a backup`, { cause: error });
    }
  }

  create(key: string, value: Uint8Array, options?: { ttlSeconds?: number }): Promise<number> {
    return this.#commits.write({ key, value, expected: 0, expires: this.#expires(options) });
  }
  update(key: string, value: Uint8Array, expected: number, options?: { ttlSeconds?: number }): Promise<number> {
    return this.#commits.write({ key, value, expected, expires: this.#expires(options) });
  }
  delete(key: string, expected: number): Promise<number> {
    return this.#commits.write({ key, expected, expires: 0 });
  }
  async get(key: string): Promise<KeyValue | undefined> {
    this.#open();
    const live = this.#live.get(key);
    return live && this.#load(key, live);
  }

  async list(prefix: string, options: ListOptions = {}): Promise<ListResult> {
    this.#open();
    const now = this.#tail.last;
    const revision = options.revision || now;
    if (revision > now) throw new FutureRevisionError(revision, now);
    if (revision < this.#compacted) throw new CompactedError(this.#compacted);
    const past =
      revision < now
        ? this.#pasts.since(prefix, revision, now, (after, visit) => {
            for (const { value } of this.#log.getRange({ start: after + 1, end: now + 1 })) {
              const { key, previous } = decodeRecord(value);
              visit(key, previous ? { load: () => this.#version(key, previous) } : {});
            }
          })
        : undefined;
    return listPast<Live>(
      {
        each: (after, visit) => this.#live.each(prefix, after, visit),
        count: (after) => this.#live.count(prefix, after),
        has: (key) => this.#live.get(key) !== undefined,
        load: (key, live) => this.#load(key, live),
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
      if (revision >= this.#tail.last) return [];
      if (revision >= this.#tail.floor) return this.#tail.after(revision, limit);
      const events: StoreEvent[] = [];
      for (const row of this.#log.getRange({ start: revision + 1, end: this.#tail.last + 1, limit }))
        events.push(this.#event(row.key, decodeRecord(row.value)));
      return events;
    };
    return follow({ after, changed: this.#changed }, prefix, options.fromRevision, options.signal);
  }

  async revision(): Promise<number> {
    this.#open();
    return this.#tail.last;
  }
  async compactedRevision(): Promise<number> {
    this.#open();
    return this.#compacted;
  }
  async compact(revision: number): Promise<void> {
    this.#open();
    if (revision > this.#tail.last) throw new FutureRevisionError(revision, this.#tail.last);
    let from = 0;
    await this.#commits.exclusive(async () => {
      from = this.#compacted;
      if (revision <= from) return;
      await this.#durable(() => this.#root.put("compacted", Buffer.from(String(revision))));
      this.#compacted = revision;
      this.#tail.drop(revision);
      this.#pasts.clear();
    });
    this.#changed.notify();
    for (let at = from + 1; at <= revision; at += compactRows)
      await this.#commits.exclusive(() => this.#remove(this.#superseded(at, Math.min(at + compactRows, revision + 1))));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#expiry.close();
    await this.#commits.close();
    this.#changed.notify();
    await this.#root.close();
    this.#owner.release();
  }

  #open(): void {
    if (this.#closed) throw new StoreError("the store is closed");
  }
  #expires(options?: { ttlSeconds?: number }): number {
    return options?.ttlSeconds ? this.#clock.now() + options.ttlSeconds * 1000 : 0;
  }
  #load(key: string, live: Live): KeyValue {
    const value = live.value ?? this.#data.getBinary(live.revision);
    if (!value) throw new StoreError(`the store ${this.#path} is corrupt: the value of ${key} is missing; restore it from a backup`);
    return { key, value, revision: live.revision, createRevision: live.created };
  }
  /** A version that a later write replaced. */
  #version(key: string, revision: number): KeyValue {
    const row = this.#log.getBinary(revision);
    if (!row) throw new StoreError(`the store ${this.#path} is corrupt: revision ${revision} is missing; restore it from a backup`);
    return this.#load(key, { revision, created: decodeRecord(row).created });
  }
  #event(revision: number, { key, created }: LogRecord): StoreEvent {
    return { key, revision, ...(created ? { value: this.#load(key, { revision, created }).value } : {}) };
  }

  #decide(write: Write): { change: Change; revision: number } {
    const { key, expected, value, expires } = write;
    const current = this.#pending.has(key) ? this.#pending.get(key) : this.#live.get(key);
    if (expected === 0 && value) {
      if (current) throw new ExistsError(key);
    } else if (current?.revision !== expected) throw new RevisionMismatchError(key, expected, current && this.#load(key, current));
    const revision = this.#next++;
    const created = value ? (current?.created ?? revision) : 0;
    this.#pending.set(key, value ? { revision, created, value } : undefined);
    return { change: { key, revision, created, previous: current?.revision ?? 0, expires, ...(value ? { value } : {}) }, revision };
  }
  #commit(changes: Change[]): Promise<void> {
    return this.#durable(() => {
      for (const change of changes) {
        // lmdb writes values from the memory they are in, on another thread; nobody may change them (contract of Store).
        if (change.value) this.#data.put(change.revision, change.value as Buffer);
        this.#log.put(change.revision, encodeRecord(change));
      }
    });
  }
  #apply(changes: Change[]): void {
    this.#tail.drop(this.#tail.last - tailEvents);
    for (const { key, revision, created, value, expires } of changes) {
      if (created) this.#live.set(key, { revision, created });
      else this.#live.delete(key);
      this.#tail.push({ key, revision, ...(value ? { value } : {}) });
      if (expires) this.#expiry.add(key, revision, expires);
    }
    this.#pending = new Map();
  }

  /** Rows that nobody can ask for once history up to the end of the range [from, to) is forgotten. */
  #superseded(from: number, to: number): number[] {
    const rows: number[] = [];
    for (const { key: revision, value } of this.#log.getRange({ start: from, end: to })) {
      const { previous, created } = decodeRecord(value);
      if (previous) rows.push(previous);
      if (!created) rows.push(revision);
    }
    return rows;
  }
  async #remove(revisions: number[]): Promise<void> {
    if (revisions.length === 0) return;
    await this.#durable(() => {
      for (const revision of revisions) {
        this.#log.remove(revision);
        this.#data.remove(revision);
      }
    });
  }

  /** One transaction; resolves after its flush. Rejects with StoreError when nothing of it was written. */
  async #durable(write: () => void): Promise<void> {
    try {
      await this.#root.batch(write);
    } catch (error) {
      const { commitError } = error as { commitError?: Promise<never> };
      const cause = (await commitError?.catch((reason: unknown) => reason)) ?? error;
      // LMDB tells a full disk as an input/output error, so the space that is left is said too.
      const { bavail, bsize } = statfsSync(dirname(this.#path));
      throw new StoreError(`the store ${this.#path} cannot write: ${(cause as Error).message} (${bavail * bsize} bytes free)`, { cause });
    }
  }
}
