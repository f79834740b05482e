/**
 * A store so simple that it is plainly right, and random histories checked against it: concurrent writers record what they
 * were told; put in order of revision their writes must explain every answer, list, watch and refusal.
 */
import assert from "node:assert/strict";
import type { Random } from "../base/random.ts";
import { CompactedError, ExistsError, type KeyValue, RevisionMismatchError, type Store, type StoreEvent } from "./store.ts";

type State = ReadonlyMap<string, { value: string; revision: number; createRevision: number }>;

export class Model {
  /** State after each revision, from revision 1 on. */
  readonly #states: State[] = [new Map()];
  /** Adds the write of the next revision; `value` undefined deletes. */
  apply(key: string, value: string | undefined): void {
    const before = this.#states.at(-1) as State;
    const revision = this.revision + 1;
    const state = new Map(before);
    if (value === undefined) state.delete(key);
    else state.set(key, { value, revision, createRevision: before.get(key)?.createRevision ?? revision });
    this.#states.push(state);
  }
  get revision(): number {
    return this.#states.length;
  }
  at(revision: number): State {
    return this.#states[revision - 1] as State;
  }
}

interface Done {
  revision: number;
  key: string;
  value: string | undefined;
  /** Revision that the writer expected; 0 for a creation. */
  expected: number;
}

const text = (value: Uint8Array): string => Buffer.from(value).toString();
const shape = (item: KeyValue): [string, string, number, number] => [item.key, text(item.value), item.revision, item.createRevision];

/** Throws AssertionError for the first disagreement. The store must be empty and used by nobody else. */
export async function checkAgainstModel(store: Store, random: Random, size: { writers: number; steps: number; keys: number }): Promise<void> {
  const done: Done[] = [];
  const lists: { revision: number; asked: boolean; prefix: string; items: KeyValue[] }[] = [];
  const watched: StoreEvent[] = [];
  let compacted = 0;
  const stop = new AbortController();
  const watching = follow(store, watched, stop.signal);

  const key = (): string => `/${"ab"[random.int(2)]}/${random.int(size.keys)}`;
  const write = async (name: string): Promise<void> => {
    const at = key();
    const before = await store.get(at);
    const value = `${name} ${random.int(1e9)}`;
    // Now and then with an expectation that is out of date.
    const expected = before ? before.revision - (random.int(5) === 0 ? 1 : 0) : 0;
    try {
      if (!before) done.push({ revision: await store.create(at, Buffer.from(value)), key: at, value, expected: 0 });
      else if (random.int(3) === 0) done.push({ revision: await store.delete(at, expected), key: at, value: undefined, expected });
      else done.push({ revision: await store.update(at, Buffer.from(value), expected), key: at, value, expected });
    } catch (error) {
      if (error instanceof RevisionMismatchError) assert.notEqual(error.current?.revision, error.expected);
      else assert.ok(error instanceof ExistsError, String(error));
    }
  };
  const read = async (): Promise<void> => {
    const prefix = ["/", "/a/", "/b/"][random.int(3)] as string;
    const floor = done.length;
    const settled = done.reduce((most, d) => Math.max(most, d.revision), 1);
    const asked = random.int(2) === 0;
    const revision = asked ? 1 + random.int(settled) : 0;
    try {
      const list = await store.list(prefix, revision ? { revision } : {});
      if (!asked) assert.ok(list.revision >= settled, `a list at ${list.revision} after the write ${settled} of ${floor} had settled`);
      lists.push({ revision: list.revision, asked, prefix, items: list.items });
    } catch (error) {
      assert.ok(error instanceof CompactedError && revision < error.compacted, String(error));
    }
  };
  await Promise.all(
    Array.from({ length: size.writers }, async (_, writer) => {
      for (let step = 0; step < size.steps; step++) {
        const dice = random.int(20);
        if (dice < 15) await write(`w${writer}`);
        else if (dice < 19) await read();
        else {
          const now = await store.revision();
          const to = Math.max(1, now - random.int(40));
          await store.compact(to);
          compacted = Math.max(compacted, to);
        }
      }
    }),
  );

  done.sort((a, b) => a.revision - b.revision);
  assert.deepEqual(
    done.map((d) => d.revision),
    done.map((_, i) => i + 2),
    "each write takes exactly one revision",
  );
  const model = new Model();
  for (const { key: at, value, expected } of done) {
    assert.equal(model.at(model.revision).get(at)?.revision ?? 0, expected, `a write to ${at} on the expected version`);
    model.apply(at, value);
  }
  for (const list of lists)
    assert.deepEqual(list.items.map(shape), expectedList(model, list.prefix, list.revision), `list of ${list.prefix} at ${list.revision}`);

  for (let revision = Math.max(1, compacted); revision <= model.revision; revision++) {
    const limit = 1 + random.int(4);
    const whole: KeyValue[] = [];
    for (let after: string | undefined, remaining = 1; remaining > 0; ) {
      const page = await store.list("/a/", { revision, limit, after });
      whole.push(...page.items);
      ({ remaining } = page);
      after = page.items.at(-1)?.key;
    }
    assert.deepEqual(whole.map(shape), expectedList(model, "/a/", revision), `pages of /a/ at ${revision}`);
  }
  assert.equal(await store.compactedRevision(), compacted);

  const late: StoreEvent[] = [];
  const lateStop = new AbortController();
  const from = Math.max(1, compacted);
  const again = follow(store, late, lateStop.signal, from, model.revision, () => lateStop.abort());
  if (from === model.revision) lateStop.abort();
  await again;
  checkEvents(model, late, from);
  if (watched.at(-1)?.revision !== model.revision) await store.create("/end", Buffer.from("x"));
  while (!watchEnded(watched, model.revision)) await new Promise((resolve) => setImmediate(resolve));
  stop.abort();
  await watching;
  const overtaken = watched.length === 0 || (watched[0] as StoreEvent).revision !== 2 || watched.some((e, i) => e.revision !== i + 2);
  checkEvents(
    model,
    watched.filter((e) => e.revision <= model.revision),
    overtaken ? undefined : 1,
  );
}

const watchEnded = (events: StoreEvent[], revision: number): boolean => (events.at(-1)?.revision ?? 0) >= revision;

/** Follows from a revision; where compaction was quicker, goes on from there, as any user of a store must. */
async function follow(store: Store, into: StoreEvent[], signal: AbortSignal, from = 1, until = Number.POSITIVE_INFINITY, reached?: () => void): Promise<void> {
  let at = from;
  while (!signal.aborted)
    try {
      for await (const batch of store.watch("/", { fromRevision: at, signal })) {
        into.push(...batch);
        at = (batch.at(-1) as StoreEvent).revision;
        if (at >= until) reached?.();
      }
    } catch (error) {
      if (!(error instanceof CompactedError)) throw error;
      at = error.compacted;
    }
}

/** `from`: the events must be all of those after it; undefined: some may be missing. */
function checkEvents(model: Model, events: StoreEvent[], from: number | undefined): void {
  if (from !== undefined)
    assert.deepEqual(
      events.map((e) => e.revision),
      Array.from({ length: model.revision - from }, (_, i) => from + 1 + i),
      "each change exactly once, in order",
    );
  let last = 0;
  for (const event of events) {
    assert.ok(event.revision > last, "order of revision");
    last = event.revision;
    const is = model.at(event.revision).get(event.key);
    assert.equal(event.value && text(event.value), is?.value);
  }
}

function expectedList(model: Model, prefix: string, revision: number): [string, string, number, number][] {
  return [...model.at(revision)]
    .filter(([key]) => key.startsWith(prefix))
    .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map(([key, { value, revision: at, createRevision }]) => [key, value, at, createRevision]);
}
