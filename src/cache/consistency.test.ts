import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { KubeObject } from "../api/object.ts";
import { type ResourceDef, resourceOf } from "../api/schema/schema.ts";
import { systemClock, VirtualClock } from "../base/clock.ts";
import { type Random, seededRandom } from "../base/random.ts";
import { lmdbStore } from "../store/lmdb.ts";
import { memoryStore } from "../store/memory.ts";
import { CompactedError, ExistsError, RevisionMismatchError, type Store } from "../store/store.ts";
import type { CacheWatchOptions, ResourceCache, Stored } from "./cache.ts";
import { openCache } from "./watch-cache.ts";

const pods = resourceOf("", "v1", "pods") as ResourceDef;
const configmaps = resourceOf("", "v1", "configmaps") as ResourceDef;
type Thing = KubeObject & { color: string };

type Selection = Pick<CacheWatchOptions, "namespace" | "predicate" | "where">;
const selections: Selection[] = [
  {},
  { namespace: "n1" },
  { predicate: (s) => s.labels.color === "red" },
  { where: { field: "color", value: "blue" }, predicate: (s) => s.fields.color === "blue" },
  { namespace: "n0", where: { field: "color", value: "red" }, predicate: (s) => s.fields.color === "red" },
  { where: { field: "metadata.name", value: "3" }, predicate: (s) => s.name === "3" },
];
const selected = (selection: Selection, stored: Stored): boolean =>
  (!selection.namespace || selection.namespace === stored.namespace) && (selection.predicate?.(stored) ?? true);

/** Follows a selection from its start and keeps a copy; checks each event against the copy. */
async function replica(
  cache: ResourceCache<Thing>,
  selection: Selection,
  initial: boolean,
  until: Promise<number>,
  problems: string[],
): Promise<Map<string, number>> {
  const copy = new Map<string, number>();
  const stop = new AbortController();
  let fromRevision = 0;
  if (!initial) {
    const listed = await cache.list(selection);
    for (const item of listed.items) copy.set(`${item.namespace}/${item.name}`, item.revision);
    fromRevision = listed.revision;
  }
  let last = fromRevision;
  let complete = !initial;
  const finished = until.then(async (revision) => {
    // What was applied is released within a turn of the event loop.
    for (let turn = 0; turn < 3 || (await cache.revision()) < revision; turn++) await new Promise((resolve) => setImmediate(resolve));
    stop.abort();
  });
  for await (const batch of cache.watch({ ...selection, fromRevision, initial, signal: stop.signal }))
    for (const event of batch) {
      if (event.type === "BOOKMARK") {
        if (!event.initial || complete) problems.push("an unexpected bookmark");
        complete = true;
        last = event.revision;
        continue;
      }
      const stored = event.stored as Stored;
      const key = `${stored.namespace}/${stored.name}`;
      if (complete && event.revision <= last) problems.push(`${event.revision} after ${last}`);
      if (complete) last = event.revision;
      if (stored.revision !== event.revision) problems.push(`the object of event ${event.revision} is at ${stored.revision}`);
      if (stored.object().metadata.resourceVersion !== String(event.revision)) problems.push(`resourceVersion of event ${event.revision}`);
      if ((event.type === "ADDED") === copy.has(key)) problems.push(`${event.type} of ${key}, which the copy ${copy.has(key) ? "has" : "has not"}`);
      if (!selected(selection, stored)) problems.push(`${event.type} of ${key} shows a state that is not selected`);
      if (event.type === "DELETED") copy.delete(key);
      else copy.set(key, event.revision);
    }
  await finished;
  if (!complete) problems.push("the initial events had no end");
  return copy;
}

/** `remembered`: changes that the cache keeps; the store is read for what was before. */
async function history(store: Store, random: Random, remembered: number): Promise<void> {
  const index = (_: ResourceDef, object: KubeObject): { fields: Record<string, string> } => ({ fields: { color: (object as Thing).color } });
  // Time stands still: who reads does not rest while others write on, until what was read is no longer remembered.
  const cache = await openCache({ store, clock: new VirtualClock(), resources: [pods, configmaps], index, history: { least: remembered, most: remembered } });
  const things = [cache.resource<Thing>(pods), cache.resource<Thing>(configmaps)] as const;
  const thing = (namespace: string, name: string): Thing => {
    const color = ["red", "blue", "green"][random.int(3)] as string;
    return {
      kind: "Thing",
      apiVersion: "v1",
      metadata: { name, namespace, uid: random.uuid(), labels: { color } } as unknown as KubeObject["metadata"],
      color,
    };
  };
  const problems: string[] = [];
  const snapshots: { resource: ResourceCache<Thing>; revision: number; items: string[] }[] = [];
  const replicas: Promise<{ selection: Selection; resource: ResourceCache<Thing>; copy: Map<string, number> }>[] = [];
  let end: (revision: number) => void = () => undefined;
  const until = new Promise<number>((resolve) => {
    end = resolve;
  });

  const writer = async (): Promise<void> => {
    for (let step = 0; step < 120; step++) {
      const resource = things[random.int(2)] as ResourceCache<Thing>;
      const [namespace, name] = [`n${random.int(3)}`, String(random.int(8))];
      const before = await resource.get(namespace, name);
      try {
        if (!before) {
          const stored = await resource.create(thing(namespace, name));
          const seen = await resource.get(namespace, name);
          if ((seen?.revision ?? Number.POSITIVE_INFINITY) < stored.revision) problems.push("a read did not see the write before it");
        } else if (random.int(3) === 0) await resource.delete(namespace, name, before.revision);
        else await resource.update(thing(namespace, name), before.revision);
      } catch (error) {
        assert.ok(error instanceof ExistsError || error instanceof RevisionMismatchError, String(error));
      }
      if (random.int(40) === 0) {
        const listed = await resource.list({});
        snapshots.push({ resource, revision: listed.revision, items: listed.items.map((i) => `${i.namespace}/${i.name}@${i.revision}`) });
      }
      if (random.int(60) === 0) {
        const selection = selections[random.int(selections.length)] as Selection;
        replicas.push(replica(resource, selection, random.int(2) === 0, until, problems).then((copy) => ({ selection, resource, copy })));
      }
    }
  };
  await Promise.all(Array.from({ length: 8 }, writer));
  end(cache.revision());
  for (const { selection, resource, copy } of await Promise.all(replicas)) {
    const listed = await resource.list(selection);
    assert.deepEqual(
      Object.fromEntries([...copy].sort()),
      Object.fromEntries(listed.items.map((i) => [`${i.namespace}/${i.name}`, i.revision] as const).sort()),
    );
  }
  assert.ok(replicas.length > 3 && snapshots.length > 5);
  for (const { resource, revision, items } of snapshots) {
    const paged: string[] = [];
    for (let after: string | undefined; ; ) {
      const page = await resource.list({ revision, limit: 5, after });
      paged.push(...page.items.map((i) => `${i.namespace}/${i.name}@${i.revision}`));
      if (page.last === undefined) break;
      assert.equal(page.remaining, items.length - paged.length);
      after = page.last;
    }
    assert.deepEqual(paged, items, `pages at ${revision}`);
    const inOne = await resource.list({ revision, namespace: "n1" });
    assert.deepEqual(
      inOne.items.map((i) => `${i.namespace}/${i.name}@${i.revision}`),
      items.filter((item) => item.startsWith("n1/")),
    );
    const named = await resource.list({ revision, predicate: (s) => s.name === "3", limit: 2 });
    assert.deepEqual(
      named.items.map((i) => `${i.namespace}/${i.name}@${i.revision}`),
      items.filter((item) => item.includes("/3@")).slice(0, 2),
    );
  }
  assert.deepEqual(problems, []);
  await store.compact(cache.revision() - 1);
  await assert.rejects(things[0].list({ revision: 3 }), CompactedError);
  await cache[Symbol.asyncDispose]();
}

test("under random concurrent writes every watch and list of a memory store is consistent", async () => {
  for (let seed = 1; seed <= 6; seed++) {
    await using store = memoryStore({ clock: systemClock });
    await history(store, seededRandom(seed), seed % 2 ? 5000 : 150);
  }
});

test("under random concurrent writes every watch and list of an lmdb store is consistent", async () => {
  const directory = mkdtempSync(join(tmpdir(), "cache-"));
  for (let seed = 1; seed <= 3; seed++) {
    await using store = await lmdbStore({ directory: join(directory, String(seed)), clock: systemClock });
    await history(store, seededRandom(seed), seed % 2 ? 5000 : 150);
  }
  rmSync(directory, { recursive: true });
});

test("a cache that compaction overtook reads everything anew", async () => {
  const inner = memoryStore({ clock: systemClock });
  let hold: (() => void) | undefined;
  const held = new Promise<void>((resolve) => {
    hold = resolve;
  });
  let first = true;
  // The first watch stands still while the store goes on and forgets.
  const store: Store = Object.create(inner, {
    ...Object.fromEntries(
      ["create", "update", "delete", "get", "list", "revision", "compact"].map((m) => [m, { value: (inner[m as "get"] as () => unknown).bind(inner) }]),
    ),
    watch: {
      value: async function* (...args: Parameters<Store["watch"]>) {
        if (first) await held;
        first = false;
        yield* inner.watch(...args);
      },
    },
  }) as Store;
  const cache = await openCache({ store, clock: systemClock, resources: [pods], index: () => ({}) });
  const resource = cache.resource<Thing>(pods);
  const watching = (async () => {
    for await (const _ of resource.watch({ fromRevision: 1, signal: AbortSignal.timeout(5_000) }));
  })();
  for (const name of ["a", "b"])
    await inner.create(`/registry/pods/d/${name}`, Buffer.from(`{"kind":"Pod","metadata":{"name":"${name}","namespace":"d","uid":"u"}}`));
  await inner.compact(3);
  hold?.();
  await assert.rejects(watching, CompactedError);
  const created = await resource.create({ kind: "Pod", metadata: { name: "c", namespace: "d", uid: "u" } as unknown as KubeObject["metadata"], color: "" });
  assert.deepEqual(
    (await resource.list({})).items.map((i) => i.name),
    ["a", "b", "c"],
  );
  assert.equal(created.revision, 4);
  await cache[Symbol.asyncDispose]();
});
