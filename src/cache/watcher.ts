/** One watch of one resource: a bounded queue that the cache fills and the caller empties. */
import { CompactedError } from "../store/store.ts";
import type { CacheEvent, CacheWatchOptions } from "./cache.ts";
import type { Change } from "./history.ts";
import type { StoredObject } from "./stored.ts";

/** Events that may wait for a caller who does not come for them. */
export const queueLimit = 10_000;

export class Watcher {
  readonly options: CacheWatchOptions;
  /** Changes up to here are not for this watcher. */
  readonly from: number;
  /** Filled while a change is applied; released only after the write's promise has settled. */
  #staged: CacheEvent[] = [];
  #queue: CacheEvent[] = [];
  #wake?: () => void;
  #ended = false;
  #error?: Error;

  constructor(options: CacheWatchOptions, from: number) {
    this.options = options;
    this.from = from;
  }

  /** Whether something was staged: then release() is due. */
  offer(change: Change): boolean {
    if (change.revision <= this.from) return false;
    const { predicate } = this.options;
    const was = change.previous !== undefined && (predicate === undefined || predicate(change.previous));
    const is = change.stored !== undefined && (predicate === undefined || predicate(change.stored));
    if (!was && !is) return false;
    return this.stage(!is ? change.deleted() : was ? change.modified() : change.added(), change.revision);
  }
  stage(event: CacheEvent, revision: number): boolean {
    if (this.#ended) return false;
    this.#staged.push(event);
    if (this.#staged.length + this.#queue.length > queueLimit) this.end(new CompactedError(revision));
    return true;
  }
  /** What was staged may be seen. */
  release(): void {
    if (this.#queue.length === 0) this.#queue = this.#staged;
    else this.#queue.push(...this.#staged);
    this.#staged = [];
    this.#wake?.();
  }
  /** The iteration finishes, with the error if there is one; what waits is dropped then. */
  end(error?: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    if (error) {
      this.#queue = [];
      this.#staged = [];
    }
    this.#wake?.();
  }

  /** What has come since the last time, as soon as there is something; undefined at the end. */
  next(): CacheEvent[] | undefined | Promise<CacheEvent[] | undefined> {
    if (this.#queue.length > 0) {
      const batch = this.#queue;
      this.#queue = [];
      return batch;
    }
    if (!this.#ended)
      return new Promise<void>((resolve) => {
        this.#wake = resolve;
      }).then(this.#again);
    if (this.#error) throw this.#error;
    return undefined;
  }
  readonly #again = (): ReturnType<Watcher["next"]> => this.next();
}

/** The watchers of one resource, arranged so that a change meets only those that it can concern. */
export class Watchers {
  readonly #everywhere = new Set<Watcher>();
  readonly #byNamespace = new Map<string, Set<Watcher>>();
  /** Field name -> value -> watchers. */
  readonly #byField = new Map<string, Map<string, Set<Watcher>>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }
  add(watcher: Watcher): void {
    this.#size++;
    this.#group(watcher).add(watcher);
  }
  remove(watcher: Watcher): void {
    const { namespace, where } = watcher.options;
    const group = this.#group(watcher);
    if (!group.delete(watcher)) return;
    this.#size--;
    if (group.size > 0) return;
    if (where) {
      const values = this.#byField.get(where.field);
      values?.delete(where.value);
      if (values?.size === 0) this.#byField.delete(where.field);
    } else if (namespace) this.#byNamespace.delete(namespace);
  }
  /** Calls `visit` with each watcher that `change` may concern. */
  concerned(change: Change, visit: (watcher: Watcher) => void): void {
    if (this.#size === 0) return;
    for (const watcher of this.#everywhere) visit(watcher);
    const local = this.#byNamespace.get(change.namespace);
    if (local) for (const watcher of local) visit(watcher);
    for (const [field, values] of this.#byField) {
      const now = fieldOf(change.stored, field);
      const then = fieldOf(change.previous, field);
      if (now !== undefined) this.#visit(values.get(now), change, visit);
      if (then !== undefined && then !== now) this.#visit(values.get(then), change, visit);
    }
  }
  all(): Watcher[] {
    const fields = [...this.#byField.values()].flatMap((values) => [...values.values()]);
    return [this.#everywhere, ...this.#byNamespace.values(), ...fields].flatMap((group) => [...group]);
  }

  #visit(group: Set<Watcher> | undefined, change: Change, visit: (watcher: Watcher) => void): void {
    if (!group) return;
    for (const watcher of group) if (!watcher.options.namespace || watcher.options.namespace === change.namespace) visit(watcher);
  }
  #group(watcher: Watcher): Set<Watcher> {
    const { namespace, where } = watcher.options;
    if (where) return groupIn(groupMap(this.#byField, where.field), where.value);
    return namespace ? groupIn(this.#byNamespace, namespace) : this.#everywhere;
  }
}

function fieldOf(stored: StoredObject | undefined, field: string): string | undefined {
  return stored && (stored.field(field) ?? "");
}
function groupIn(groups: Map<string, Set<Watcher>>, key: string): Set<Watcher> {
  const known = groups.get(key) ?? new Set<Watcher>();
  groups.set(key, known);
  return known;
}
function groupMap(maps: Map<string, Map<string, Set<Watcher>>>, key: string): Map<string, Set<Watcher>> {
  const known = maps.get(key) ?? new Map<string, Set<Watcher>>();
  maps.set(key, known);
  return known;
}
