/** The recent changes of one resource, for watches that start in the past: bounded, and growing only while they are young. */
import type { CacheEvent } from "./cache.ts";
import type { StoredObject } from "./stored.ts";

/** One change of one object; what a watcher sees of it depends on its predicate, so the events are made once, when needed. */
export class Change {
  readonly revision: number;
  readonly key: string;
  /** Absent for a deletion. */
  readonly stored?: StoredObject;
  /** Absent for a creation. */
  readonly previous?: StoredObject;
  #added?: CacheEvent;
  #modified?: CacheEvent;
  #deleted?: CacheEvent;

  constructor(revision: number, key: string, stored?: StoredObject, previous?: StoredObject) {
    this.revision = revision;
    this.key = key;
    this.stored = stored;
    this.previous = previous;
  }
  get namespace(): string {
    return (this.stored ?? (this.previous as StoredObject)).namespace;
  }
  added(): CacheEvent {
    this.#added ??= { type: "ADDED", stored: this.stored, revision: this.revision };
    return this.#added;
  }
  modified(): CacheEvent {
    this.#modified ??= { type: "MODIFIED", stored: this.stored, revision: this.revision };
    return this.#modified;
  }
  /** Gone, or no longer selected: the previous state under this change's revision. */
  deleted(): CacheEvent {
    this.#deleted ??= { type: "DELETED", stored: (this.previous as StoredObject).at(this.revision), revision: this.revision };
    return this.#deleted;
  }
}

export interface HistoryBounds {
  /** Always kept. @default 1000 */
  least?: number;
  /** Never exceeded. @default 100000 */
  most?: number;
  /** Between the two, changes younger than this are kept. @default 75000 */
  youngMs?: number;
  /** Bytes of superseded versions beyond which only `least` is kept. @default 64 MiB */
  bytes?: number;
}

export class History {
  #changes: Change[] = [];
  #times: number[] = [];
  #head = 0;
  #bytes = 0;
  #floor: number;
  readonly #bounds: Required<HistoryBounds>;

  constructor(floor: number, bounds: HistoryBounds = {}) {
    this.#floor = floor;
    this.#bounds = { least: 1000, most: 100_000, youngMs: 75_000, bytes: 64 * 2 ** 20, ...bounds };
  }
  /** Changes up to and including this revision are not here. */
  get floor(): number {
    return this.#floor;
  }
  get size(): number {
    return this.#changes.length - this.#head;
  }
  /** `now`: monotonic milliseconds. */
  push(change: Change, now: number): void {
    this.#changes.push(change);
    this.#times.push(now);
    this.#bytes += change.previous?.bytes.length ?? 0;
    const { least, most, youngMs, bytes } = this.#bounds;
    while (this.size > least && (this.size > most || this.#bytes > bytes || (this.#times[this.#head] as number) < now - youngMs)) this.#drop();
  }
  /** Changes after `revision`, which must not be below the floor. */
  after(revision: number): Change[] {
    let low = this.#head;
    let high = this.#changes.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#changes[middle] as Change).revision <= revision) low = middle + 1;
      else high = middle;
    }
    return this.#changes.slice(low);
  }

  #drop(): void {
    const change = this.#changes[this.#head] as Change;
    this.#floor = change.revision;
    this.#bytes -= change.previous?.bytes.length ?? 0;
    (this.#changes as (Change | undefined)[])[this.#head++] = undefined;
    if (this.#head < 1024 || this.#head * 2 < this.#changes.length) return;
    this.#changes = this.#changes.slice(this.#head);
    this.#times = this.#times.slice(this.#head);
    this.#head = 0;
  }
}
