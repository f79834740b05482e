import assert from "node:assert/strict";
import { test } from "node:test";
import type { ApiHandler } from "../api/exchange.ts";
import type { KubeObject, WatchEvent } from "../api/object.ts";
import { expired, notFound } from "../api/status.ts";
import { settle, VirtualClock } from "../base/clock.ts";
import { type Logger, silentLogger } from "../base/logger.ts";
import { createInformerFactory } from "./factory.ts";
import { createInProcessTransport } from "./in-process-transport.ts";
import { configmaps } from "./resources.gen.ts";
import { createClient } from "./rest.ts";

const map = (name: string, version: string, uid = name): KubeObject => ({
  metadata: { name, namespace: "default", uid, resourceVersion: version, creationTimestamp: "" },
});

/** A server whose lists and watches are scripted; `watches` are consumed one per watch request. */
function scripted(lists: KubeObject[][], watches: ((signal: AbortSignal) => AsyncGenerator<WatchEvent>)[]) {
  const queries: string[] = [];
  let version = 10;
  const handler: ApiHandler = async ({ query, signal }) => {
    const watch = query.get("watch") === "true";
    queries.push(`${watch ? "watch" : "list"} ${query.get("resourceVersion")}`);
    if (watch) return { status: 200, headers: {}, events: (watches.shift() ?? forever)(signal) };
    const items = lists.shift() ?? [];
    return { status: 200, headers: {}, object: { metadata: { resourceVersion: String(version++) }, items } };
  };
  const client = createClient(createInProcessTransport({ handler, user: { name: "u", groups: [] } }), { userAgent: "test" });
  return { queries, client };
}
async function* forever(signal: AbortSignal): AsyncGenerator<WatchEvent> {
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
const until = async (condition: () => boolean): Promise<void> => {
  for (let i = 0; i < 200 && !condition(); i++) await settle();
  assert.ok(condition());
};

test("after 410 the list is read anew and what it lacks is announced as deleted", async () => {
  const { client, queries } = scripted(
    [
      [map("a", "1"), map("b", "2")],
      [map("b", "20"), map("c", "21")],
    ],
    [
      async function* () {
        yield { type: "MODIFIED", object: map("a", "11") };
        yield { type: "BOOKMARK", object: map("", "15") };
        yield { type: "ERROR", object: expired("too old resource version").status as unknown as KubeObject };
      },
    ],
  );
  const stop = new AbortController();
  const factory = createInformerFactory({ client, clock: new VirtualClock(), logger: silentLogger });
  const informer = factory.informer(configmaps);
  const seen: string[] = [];
  informer.onChange((old, object) => seen.push(`${old?.metadata.name ?? "-"}>${object?.metadata.name ?? "-"}@${object?.metadata.resourceVersion ?? ""}`));
  factory.start(stop.signal);
  await until(() => queries.length >= 4);
  assert.deepEqual(queries, ["list 0", "watch 10", "list ", "watch 11"]);
  assert.deepEqual(seen, ["->a@1", "->b@2", "a>a@11", "a>-@", "b>b@20", "->c@21"]);
  assert.deepEqual(
    informer.list("default").map((o) => o.metadata.name),
    ["b", "c"],
  );
  stop.abort();
});

test("a watch that the server ends is resumed from the last event or bookmark", async () => {
  const { client, queries } = scripted(
    [[]],
    [
      async function* () {
        yield { type: "BOOKMARK", object: map("", "42") };
      },
    ],
  );
  const stop = new AbortController();
  const factory = createInformerFactory({ client, clock: new VirtualClock(), logger: silentLogger });
  const informer = factory.informer(configmaps);
  factory.start(stop.signal);
  await until(() => queries.length >= 3);
  assert.deepEqual(queries, ["list 0", "watch 10", "watch 42"]);
  assert.equal(informer.resourceVersion, "42");
  stop.abort();
});

test("an object that was deleted and made again between two looks is a deletion and an addition", async () => {
  const { client } = scripted(
    [[map("a", "1", "first")]],
    [
      async function* () {
        yield { type: "MODIFIED", object: map("a", "12", "second") };
      },
    ],
  );
  const stop = new AbortController();
  const factory = createInformerFactory({ client, clock: new VirtualClock(), logger: silentLogger });
  const seen: string[] = [];
  factory.informer(configmaps).onChange((old, object) => seen.push(`${old?.metadata.uid ?? "-"}>${object?.metadata.uid ?? "-"}`));
  factory.start(stop.signal);
  await until(() => seen.length >= 3);
  assert.deepEqual(seen, ["->first", "first>-", "->second"]);
  stop.abort();
});

test("equal requests share one informer, and a late handler sees what is there", async () => {
  const { client, queries } = scripted([[map("a", "1")]], []);
  const stop = new AbortController();
  const factory = createInformerFactory({ client, clock: new VirtualClock(), logger: silentLogger });
  const informer = factory.informer(configmaps, { indexes: { first: (o) => [o.metadata.name.slice(0, 1)] } });
  assert.equal(factory.informer(configmaps), informer);
  assert.notEqual(factory.informer(configmaps, { namespace: "other" }), informer);
  factory.start(stop.signal);
  await factory.synced();
  const seen: string[] = [];
  informer.onChange((_, object) => seen.push(object?.metadata.name ?? ""));
  assert.deepEqual(seen, ["a"]);
  assert.equal(informer.by("first", "a").length, 1);
  assert.throws(() => informer.by("second", "a"), /no index "second"/);
  assert.equal(queries.filter((q) => q.startsWith("list")).length, 2);
  stop.abort();
});

test("what is not served is said once, asked for again and again, and told when it comes", async () => {
  const warnings: string[] = [];
  const logger: Logger = { ...silentLogger, warn: (message) => warnings.push(message), child: () => logger };
  let served = false;
  let asked = 0;
  const handler: ApiHandler = async ({ query, signal }) => {
    asked++;
    if (!served) return { status: 404, headers: {}, object: notFound("configmaps", "").status };
    if (query.get("watch") === "true") return { status: 200, headers: {}, events: forever(signal) };
    return { status: 200, headers: {}, object: { metadata: { resourceVersion: "10" }, items: [map("a", "9")] } };
  };
  const client = createClient(createInProcessTransport({ handler, user: { name: "u", groups: [] } }), { userAgent: "test" });
  const clock = new VirtualClock();
  const stop = new AbortController();
  const factory = createInformerFactory({ client, clock, logger });
  const informer = factory.informer(configmaps);
  factory.start(stop.signal);
  for (let i = 0; i < 20; i++) await clock.advance(30_000);
  assert.ok(asked > 10);
  assert.deepEqual(warnings, ["list failed"]);
  served = true;
  for (let i = 0; i < 4; i++) await clock.advance(30_000);
  await until(() => informer.hasSynced);
  assert.deepEqual(
    informer.list().map((o) => o.metadata.name),
    ["a"],
  );
  stop.abort();
});
