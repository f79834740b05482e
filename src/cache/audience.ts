/**
 * The watchers of one resource, arranged so that a change meets only those that it can concern, and those who watch the same
 * all at once.
 */
import type { CacheEvent, CacheWatchOptions, EventBatch, Predicate } from "./cache.ts";
import type { Change } from "./history.ts";
import type { StoredObject } from "./stored.ts";
import type { Watcher } from "./watcher.ts";

/** What is seen of changes of the past. */
export function eventsOf(changes: readonly Change[], { namespace, predicate }: CacheWatchOptions): CacheEvent[] {
  const seen = namespace ? changes.filter((change) => change.namespace === namespace) : changes;
  return seen.map((change) => eventOf(change, predicate)).filter((event) => event !== undefined);
}
/** What who selects by `predicate` sees of the change. */
function eventOf(change: Change, predicate: Predicate | undefined): CacheEvent | undefined {
  const was = change.previous !== undefined && (predicate === undefined || predicate(change.previous));
  const is = change.stored !== undefined && (predicate === undefined || predicate(change.stored));
  if (!is) return was ? change.deleted() : undefined;
  return was ? change.modified() : change.added();
}

/** Those who watch the same objects. They are given the very same batches, so that what is made of one can be made once. */
export class Audience {
  readonly #predicate: Predicate | undefined;
  readonly #watchers = new Set<Watcher>();
  /** Filled while changes are applied; released only after the writes' promises have settled. */
  #staged: CacheEvent[] = [];

  constructor(predicate: Predicate | undefined) {
    this.#predicate = predicate;
  }
  get size(): number {
    return this.#watchers.size;
  }
  add(watcher: Watcher): void {
    this.#watchers.add(watcher);
  }
  remove(watcher: Watcher): boolean {
    return this.#watchers.delete(watcher);
  }
  all(): Iterable<Watcher> {
    return this.#watchers;
  }
  /** Whether something was staged: then release() is due. */
  offer(change: Change): boolean {
    const event = eventOf(change, this.#predicate);
    if (event) this.#staged.push(event);
    return event !== undefined;
  }
  /** What was staged may be seen. */
  release(): void {
    const batch: EventBatch = this.#staged;
    this.#staged = [];
    // An iterator makes an object for each step.
    this.#watchers.forEach((watcher) => {
      watcher.push(batch);
    });
  }
}

/** By namespace, under "" who watches all of them; then by predicate. */
class Audiences {
  readonly #byNamespace = new Map<string, Map<Predicate | undefined, Audience>>();
  readonly #staged: (audience: Audience) => void;

  constructor(staged: (audience: Audience) => void) {
    this.#staged = staged;
  }
  get isEmpty(): boolean {
    return this.#byNamespace.size === 0;
  }
  add(watcher: Watcher): void {
    const { namespace = "", predicate } = watcher.options;
    const local = present(this.#byNamespace, namespace, () => new Map<Predicate | undefined, Audience>());
    present(local, predicate, () => new Audience(predicate)).add(watcher);
  }
  remove(watcher: Watcher): boolean {
    const { namespace = "", predicate } = watcher.options;
    const local = this.#byNamespace.get(namespace);
    const audience = local?.get(predicate);
    if (!local || !audience?.remove(watcher)) return false;
    if (audience.size === 0) local.delete(predicate);
    if (local.size === 0) this.#byNamespace.delete(namespace);
    return true;
  }
  offer(change: Change): void {
    this.#offer("", change);
    if (change.namespace) this.#offer(change.namespace, change);
  }
  all(): Watcher[] {
    return [...this.#byNamespace.values()].flatMap((local) => [...local.values()].flatMap((audience) => [...audience.all()]));
  }
  #offer(namespace: string, change: Change): void {
    const local = this.#byNamespace.get(namespace);
    if (local) for (const audience of local.values()) if (audience.offer(change)) this.#staged(audience);
  }
}

export class Watchers {
  readonly #ofAll: Audiences;
  /** Field name -> value -> who requires it. */
  readonly #byField = new Map<string, Map<string, Audiences>>();
  #size = 0;
  readonly #staged: (audience: Audience) => void;

  /** `staged` is called with each audience that has something to be released. */
  constructor(staged: (audience: Audience) => void) {
    this.#staged = staged;
    this.#ofAll = new Audiences(staged);
  }
  get size(): number {
    return this.#size;
  }
  add(watcher: Watcher): void {
    this.#size++;
    const { where } = watcher.options;
    if (where)
      present(
        present(this.#byField, where.field, () => new Map<string, Audiences>()),
        where.value,
        () => new Audiences(this.#staged),
      ).add(watcher);
    else this.#ofAll.add(watcher);
  }
  remove(watcher: Watcher): void {
    const { where } = watcher.options;
    const values = where && this.#byField.get(where.field);
    const audiences = where ? values?.get(where.value) : this.#ofAll;
    if (!audiences?.remove(watcher)) return;
    this.#size--;
    if (!where || !values || !audiences.isEmpty) return;
    values.delete(where.value);
    if (values.size === 0) this.#byField.delete(where.field);
  }
  offer(change: Change): void {
    if (this.#size === 0) return;
    this.#ofAll.offer(change);
    for (const [field, values] of this.#byField) {
      const now = fieldOf(change.stored, field);
      const then = fieldOf(change.previous, field);
      if (now !== undefined) values.get(now)?.offer(change);
      if (then !== undefined && then !== now) values.get(then)?.offer(change);
    }
  }
  all(): Watcher[] {
    const chosen = [...this.#byField.values()].flatMap((values) => [...values.values()]);
    return [this.#ofAll, ...chosen].flatMap((audiences) => audiences.all());
  }
}

function fieldOf(stored: StoredObject | undefined, field: string): string | undefined {
  return stored && (stored.field(field) ?? "");
}
function present<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key) ?? make();
  map.set(key, known);
  return known;
}
