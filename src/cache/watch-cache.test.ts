import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../api/object.ts";
import { type ResourceDef, resourceOf } from "../api/schema/schema.ts";
import { settle, systemClock, VirtualClock } from "../base/clock.ts";
import { memoryStore } from "../store/memory.ts";
import { CompactedError, ExistsError, FutureRevisionError, RevisionMismatchError, type Store } from "../store/store.ts";
import type { CacheEvent, EventBatch, ResourceCache } from "./cache.ts";
import { openCache, type WatchCache } from "./watch-cache.ts";

const pods = resourceOf("", "v1", "pods") as ResourceDef;
const nodes = resourceOf("", "v1", "nodes") as ResourceDef;

type Pod = KubeObject & { spec?: { nodeName?: string } };
const pod = (namespace: string, name: string, nodeName = "", labels?: Record<string, string>): Pod => ({
  kind: "Pod",
  apiVersion: "v1",
  metadata: { name, namespace, uid: `uid-${name}`, ...(labels ? { labels } : {}) } as Pod["metadata"],
  spec: { nodeName },
});

async function open(clock = new VirtualClock()): Promise<{ cache: WatchCache; pods: ResourceCache<Pod>; clock: VirtualClock }> {
  const cache = await openCache({
    store: memoryStore({ clock }),
    clock,
    resources: [pods, nodes],
    index: (_, object) => ({ fields: { "spec.nodeName": (object as Pod).spec?.nodeName ?? "" } }),
  });
  return { cache, pods: cache.resource<Pod>(pods), clock };
}

/** The store's methods as properties of a plain object. */
const bound = (store: Store): Store => ({
  create: (...args) => store.create(...args),
  update: (...args) => store.update(...args),
  delete: (...args) => store.delete(...args),
  get: (...args) => store.get(...args),
  list: (...args) => store.list(...args),
  watch: (...args) => store.watch(...args),
  revision: () => store.revision(),
  compact: (revision) => store.compact(revision),
  compactedRevision: () => store.compactedRevision(),
  [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
});

const brief = (event: CacheEvent): string => `${event.type} ${event.stored?.name ?? ""}@${event.revision}${event.initial ? " initial" : ""}`;

async function take(watch: AsyncIterable<EventBatch>, count: number): Promise<CacheEvent[]> {
  const events: CacheEvent[] = [];
  for await (const batch of watch) {
    events.push(...batch);
    if (events.length >= count) break;
  }
  return events;
}

test("a created object is read back with its resourceVersion spliced in after uid", async () => {
  const { pods: cache } = await open();
  const stored = await cache.create(pod("default", "a", "n1", { app: "x" }));
  const text = Buffer.from(stored.bytes).toString();
  assert.equal(
    text,
    '{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a","namespace":"default","uid":"uid-a","resourceVersion":"2","labels":{"app":"x"}},"spec":{"nodeName":"n1"}}',
  );
  assert.deepEqual(stored.object(), JSON.parse(text));
  assert.deepEqual(Object.keys(stored.object().metadata), ["name", "namespace", "uid", "resourceVersion", "labels"]);
  assert.equal(stored.uid, "uid-a");
  assert.deepEqual({ ...stored.labels }, { app: "x" });
  assert.deepEqual(stored.fields, { "metadata.name": "a", "metadata.namespace": "default", "spec.nodeName": "n1" });
  assert.equal(await cache.get("default", "a"), stored);
});

test("writes are refused as the store refuses them", async () => {
  const { pods: cache } = await open();
  const first = await cache.create(pod("default", "a"));
  await assert.rejects(cache.create(pod("default", "a")), ExistsError);
  const second = await cache.update(first.object(), first.revision);
  assert.ok(second.revision > first.revision);
  await assert.rejects(cache.update(first.object(), first.revision), RevisionMismatchError);
  await assert.rejects(cache.delete("default", "a", first.revision), RevisionMismatchError);
  const gone = await cache.delete("default", "a", second.revision);
  assert.equal(gone.object().metadata.resourceVersion, String(gone.revision));
  assert.equal(await cache.get("default", "a"), undefined);
});

test("lists come in order of key, with limit, position and what remains", async () => {
  const { pods: cache } = await open();
  for (const [namespace, name] of [
    ["b", "x"],
    ["a", "z"],
    ["a-b", "y"],
    ["a", "c"],
  ] as const)
    await cache.create(pod(namespace, name));
  const all = await cache.list({});
  assert.deepEqual(
    all.items.map((i) => `${i.namespace}/${i.name}`),
    ["a-b/y", "a/c", "a/z", "b/x"],
  );
  const page = await cache.list({ limit: 3 });
  assert.deepEqual([page.last, page.remaining, page.items.length], ["a/z", 1, 3]);
  const rest = await cache.list({ limit: 3, after: page.last, revision: page.revision });
  assert.deepEqual([rest.last, rest.remaining, rest.items.map((i) => i.name)], [undefined, 0, ["x"]]);
  assert.deepEqual(
    (await cache.list({ namespace: "a" })).items.map((i) => i.name),
    ["c", "z"],
  );
  const selected = await cache.list({ predicate: (s) => s.name > "x", limit: 1 });
  assert.deepEqual([selected.items.map((i) => i.name), selected.last, selected.remaining], [["y"], "a-b/y", undefined]);
});

test("an exact list shows the past, and refuses the future", async () => {
  const { pods: cache } = await open();
  const a = await cache.create(pod("default", "a"));
  const b = await cache.create(pod("default", "b"));
  await cache.delete("default", "a", a.revision);
  await cache.create(pod("default", "c"));
  const past = await cache.list({ revision: b.revision, limit: 1 });
  assert.deepEqual([past.items.map((i) => i.name), past.last, past.remaining], [["a"], "default/a", 1]);
  const rest = await cache.list({ revision: b.revision, after: past.last });
  assert.deepEqual(
    rest.items.map((i) => i.name),
    ["b"],
  );
  const selected = await cache.list({ revision: b.revision, predicate: (s) => s.name === "b", limit: 1 });
  assert.deepEqual([selected.items.map((i) => i.name), selected.last], [["b"], undefined]);
  const followed = await cache.list({ revision: b.revision, predicate: (s) => s.name === "a", limit: 1 });
  assert.deepEqual([followed.items.map((i) => i.name), followed.last], [["a"], "default/a"]);
  await assert.rejects(cache.list({ revision: 99 }), FutureRevisionError);
});

test("a watch delivers changes after the write has settled, each once", async () => {
  const { pods: cache } = await open();
  const order: string[] = [];
  const stop = new AbortController();
  const seen = (async () => {
    for await (const batch of cache.watch({ fromRevision: 1, signal: stop.signal })) order.push(...batch.map((e) => `event ${e.revision}`));
  })();
  const stored = await cache.create(pod("default", "a")).then((s) => {
    order.push("created");
    return s;
  });
  await cache.update(stored.object(), stored.revision).then(() => order.push("updated"));
  await new Promise((resolve) => setImmediate(resolve));
  stop.abort();
  await seen;
  assert.deepEqual(
    order.filter((o) => o.startsWith("event")),
    ["event 2", "event 3"],
  );
  assert.ok(order.indexOf("created") < order.indexOf("event 2") && order.indexOf("updated") < order.indexOf("event 3"), order.join());
});

test("an object that enters or leaves a selector is added or deleted", async () => {
  const { pods: cache } = await open();
  const stop = new AbortController();
  const events = take(
    cache.watch({ fromRevision: 1, signal: stop.signal, where: { field: "spec.nodeName", value: "n1" }, predicate: (s) => s.fields["spec.nodeName"] === "n1" }),
    3,
  );
  const a = await cache.create(pod("default", "a"));
  const bound = await cache.update(pod("default", "a", "n1"), a.revision);
  const same = await cache.update(pod("default", "a", "n1", { x: "y" }), bound.revision);
  const left = await cache.update(pod("default", "a", "n2"), same.revision);
  await cache.delete("default", "a", left.revision);
  const got = await events;
  assert.deepEqual(got.map(brief), ["ADDED a@3", "MODIFIED a@4", "DELETED a@5"]);
  const last = got[2]?.stored?.object() as Pod;
  assert.deepEqual([last.spec?.nodeName, last.metadata.resourceVersion], ["n1", "5"]);
});

test("initial events end with a marked bookmark, and what follows is not repeated", async () => {
  const { pods: cache } = await open();
  await cache.create(pod("default", "a"));
  await cache.create(pod("other", "b"));
  const stop = new AbortController();
  const events = take(cache.watch({ fromRevision: 0, initial: true, signal: stop.signal, namespace: "default" }), 3);
  await new Promise((resolve) => setImmediate(resolve));
  await cache.create(pod("other", "c"));
  await cache.create(pod("default", "d"));
  assert.deepEqual((await events).map(brief), ["ADDED a@2", "BOOKMARK @3 initial", "ADDED d@5"]);
});

test("bookmarks come each minute and before the deadline", async () => {
  const { pods: cache, cache: whole, clock } = await open();
  const stop = new AbortController();
  const events = take(cache.watch({ fromRevision: 1, bookmarks: true, deadline: clock.monotonic() + 70_000, signal: stop.signal }), 2);
  await whole.resource(nodes).create({ kind: "Node", apiVersion: "v1", metadata: { name: "n", uid: "u" } as KubeObject["metadata"] });
  await clock.advance(60_000);
  await clock.advance(8_000);
  assert.deepEqual((await events).map(brief), ["BOOKMARK @2", "BOOKMARK @2"]);
});

test("a watcher that does not take its events is ended with an error", async () => {
  const { pods: cache } = await open();
  const stop = new AbortController();
  const watch = cache.watch({ fromRevision: 1, signal: stop.signal })[Symbol.asyncIterator]();
  const first = watch.next();
  let stored = await cache.create(pod("default", "a"));
  assert.equal((await first).value?.length, 1);
  for (let i = 0; i < 10_001; i++) stored = await cache.update(stored.object(), stored.revision);
  // The last one waits from the end of its turn.
  await new Promise((resolve) => setImmediate(resolve));
  await assert.rejects(watch.next(), CompactedError);
});

test("a writer that never pauses does not outrun a watcher that takes its events", async () => {
  const { pods: cache } = await open();
  const stop = new AbortController();
  const events = take(cache.watch({ fromRevision: 1, signal: stop.signal }), 12_001);
  let stored = await cache.create(pod("default", "a"));
  for (let i = 0; i < 12_000; i++) stored = await cache.update(stored.object(), stored.revision);
  assert.equal((await events).length, 12_001);
});

test("a watch from before the kept history is refused", async () => {
  const { pods: cache } = await open();
  const clock = new VirtualClock();
  const small = await openCache({ store: memoryStore({ clock }), clock, resources: [pods], index: () => ({}), history: { least: 2, most: 2 } });
  for (const name of ["a", "b", "c", "d"]) await small.resource(pods).create(pod("default", name));
  await assert.rejects(take(small.resource(pods).watch({ fromRevision: 2, signal: AbortSignal.timeout(5000) }), 1), CompactedError);
  assert.equal((await take(small.resource(pods).watch({ fromRevision: 3, signal: AbortSignal.timeout(5000) }), 2)).length, 2);
  assert.ok(cache);
});

test("a resource first asked for later is loaded, and misses nothing written meanwhile", async () => {
  const clock = new VirtualClock();
  const store = memoryStore({ clock });
  const value = (name: string): Uint8Array => Buffer.from(`{"kind":"W","metadata":{"name":"${name}","namespace":"d","uid":"u"}}`);
  await store.create("/registry/example.com/widgets/d/a", value("a"));
  const cache = await openCache({ store, clock, resources: [pods], index: () => ({}) });
  await store.create("/registry/example.com/widgets/d/b", value("b"));
  const widgets = cache.resource({ ...pods, group: "example.com", resource: "widgets", kind: "W" });
  const listed = widgets.list({});
  await store.create("/registry/example.com/widgets/d/c", value("c"));
  assert.ok((await listed).items.length >= 2);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(
    (await widgets.list({})).items.map((i) => i.name),
    ["a", "b", "c"],
  );
});

test("the reader gives parsed objects and tells of changes", async () => {
  const { pods: cache, cache: whole } = await open();
  const changes: string[] = [];
  whole.reader.onChange("pods", (namespace, name) => changes.push(`${namespace}/${name}`));
  await cache.create(pod("default", "a"));
  assert.equal(whole.reader.get<Pod>("pods", "default", "a")?.metadata.resourceVersion, "2");
  assert.equal(whole.reader.list("pods", "default").length, 1);
  assert.deepEqual(changes, ["default/a"]);
  assert.throws(() => whole.reader.get("unknown.example.com", "", "x"), /does not hold/);
});

test("closing the cache ends its watches and refuses reads", async () => {
  const { pods: cache, cache: whole } = await open(new VirtualClock(systemClock.now()));
  const watch = take(cache.watch({ fromRevision: 1, signal: AbortSignal.timeout(5000) }), 1);
  await new Promise((resolve) => setImmediate(resolve));
  await whole[Symbol.asyncDispose]();
  await assert.rejects(watch, /closed/);
  await assert.rejects(cache.get("default", "a"), /closed/);
});

test("a change that cannot be read ends the watches of its resource alone, which is held again once it can be read", async () => {
  const clock = new VirtualClock();
  const store = memoryStore({ clock });
  await using cache = await openCache({ store, clock, resources: [pods, nodes], index: () => ({}) });
  const held = cache.resource<Pod>(pods);
  await held.create(pod("default", "a"));
  const { signal } = new AbortController();
  const ended = assert.rejects(take(held.watch({ fromRevision: 2, signal }), 1), CompactedError);
  const others = take(cache.resource(nodes).watch({ fromRevision: 2, signal }), 1);
  const told: string[] = [];
  cache.reader.onChange("pods", (_, name) => told.push(name));
  await settle();
  // Whatever is written past the cache and is no object cannot be shown.
  const torn = await store.create("/registry/pods/default/torn", Buffer.from("torn"));
  await ended;
  await settle();
  await cache.check();
  await assert.rejects(
    held.list({}),
    /storage is \(re\)initializing: failed to list \*core\.Pod: unable to transform key "\/registry\/pods\/default\/torn": .*not a JSON object/,
  );
  await assert.rejects(held.get("default", "torn"), /not a JSON object/);
  assert.equal((await held.get("default", "a"))?.name, "a");
  await cache.resource(nodes).create({ kind: "Node", apiVersion: "v1", metadata: { name: "n", uid: "n" } as Pod["metadata"] });
  assert.deepEqual((await others).map(brief), ["ADDED n@4"]);
  await clock.advance(5_000);
  await assert.rejects(held.list({}), /initializing/);
  await store.delete("/registry/pods/default/torn", torn);
  await clock.advance(10_000);
  await settle();
  assert.deepEqual(
    (await held.list({})).items.map(({ name }) => name),
    ["a"],
  );
  assert.deepEqual(told, ["a"]);
  const watch = take(held.watch({ fromRevision: cache.revision(), signal }), 1);
  await held.create(pod("default", "b"));
  assert.deepEqual((await watch).map(brief), ["ADDED b@6"]);
});

test("a store whose changes cannot be followed is unwell until they can; then everything is read anew and watchers begin again", async () => {
  const clock = new VirtualClock();
  const inner = memoryStore({ clock });
  let broken: Error | undefined;
  let breakOff: (error: Error) => void = () => undefined;
  const store: Store = {
    ...bound(inner),
    async *watch(prefix, options) {
      if (broken) throw broken;
      const stop = new AbortController();
      const { promise, reject } = Promise.withResolvers<never>();
      promise.catch(() => stop.abort());
      breakOff = reject;
      const events = inner.watch(prefix, { ...options, signal: AbortSignal.any([options.signal, stop.signal]) })[Symbol.asyncIterator]();
      for (;;) {
        const step = await Promise.race([events.next(), promise]);
        if (step.done) return;
        yield step.value;
      }
    },
  };
  await using cache = await openCache({ store, clock, resources: [pods], index: () => ({}) });
  const held = cache.resource<Pod>(pods);
  await held.create(pod("default", "a"));
  const { signal } = new AbortController();
  const ended = assert.rejects(take(held.watch({ fromRevision: 2, signal }), 1), CompactedError);
  const told: string[] = [];
  cache.reader.onChange("pods", (_, name) => told.push(name));
  await settle();
  broken = new Error("the disk is gone");
  breakOff(broken);
  await settle();
  await assert.rejects(cache.check(), /the disk is gone/);
  const other = await inner.create("/registry/pods/default/b", Buffer.from(JSON.stringify(pod("default", "b"))));
  await inner.delete("/registry/pods/default/a", 2);
  await clock.advance(3_000);
  await assert.rejects(cache.check(), /the disk is gone/);
  broken = undefined;
  await clock.advance(10_000);
  await settle();
  await cache.check();
  await ended;
  assert.deepEqual(
    (await held.list({})).items.map(({ name, revision }) => [name, revision]),
    [["b", other]],
  );
  assert.deepEqual([...new Set(told)].sort(), ["a", "b"]);
});
