/**
 * `node --expose-gc src/cache/cache.bench.ts [--pods 10000] [--idle 5000] [--store lmdb]`: memory of a pod of 2.6 KB held as
 * bytes with its index record, and the speed of writes, gets, lists and events with many idle watchers.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { KubeObject } from "../api/object.ts";
import { type ResourceDef, resourceOf } from "../api/schema/schema.ts";
import { systemClock } from "../base/clock.ts";
import { lmdbStore } from "../store/lmdb.ts";
import { memoryStore } from "../store/memory.ts";
import { openCache, type WatchCache } from "./watch-cache.ts";

const { values } = parseArgs({
  options: { pods: { type: "string", default: "10000" }, idle: { type: "string", default: "5000" }, store: { type: "string", default: "memory" } },
});
const count = Number(values.pods);
const pods = resourceOf("", "v1", "pods") as ResourceDef;

type Pod = KubeObject & { spec: { nodeName: string }; status: Record<string, unknown> };
function pod(n: number): Pod {
  return {
    kind: "Pod",
    apiVersion: "v1",
    metadata: {
      name: `workload-7d4b9c6f5d-${n.toString(36).padStart(5, "0")}`,
      namespace: `namespace-${n % 50}`,
      uid: `0f4f8a52-6ef7-4c5e-9f0e-${String(n).padStart(12, "0")}`,
      labels: { app: `workload-${n % 500}`, "pod-template-hash": "7d4b9c6f5d" },
    } as unknown as KubeObject["metadata"],
    spec: { nodeName: `node-${n % 5000}`, padding: "x".repeat(2000) } as Pod["spec"],
    status: { phase: "Running", podIP: `10.0.${(n >> 8) & 255}.${n & 255}`, padding: "y".repeat(180) },
  };
}

const megabytes = (n: number): string => `${(n / 1e6).toFixed(0)} MB`;
function memory(): { heap: number; external: number; rss: number } {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed, external, rss };
}
const say = (line: string): void => void process.stdout.write(`${line}\n`);
async function timed(what: string, n: number, run: () => Promise<unknown>): Promise<void> {
  const started = systemClock.monotonic();
  await run();
  const ms = systemClock.monotonic() - started;
  say(`${what}: ${((n / ms) * 1000).toFixed(0)}/s (${ms.toFixed(0)} ms)`);
}

const directory = values.store === "lmdb" ? mkdtempSync(join(tmpdir(), "cache-bench-")) : undefined;
const store = directory ? await lmdbStore({ directory, clock: systemClock }) : memoryStore({ clock: systemClock });
const open = (parsedBytes: number): Promise<WatchCache> =>
  openCache({
    store,
    clock: systemClock,
    resources: [pods],
    parsedBytes,
    index: (_, object) => {
      const { spec, status } = object as Pod;
      return { fields: { "spec.nodeName": spec.nodeName, "status.phase": String(status.phase), "status.podIP": String(status.podIP) } };
    },
  });
async function fill(): Promise<void> {
  const cache = await open(2 ** 20);
  const resource = cache.resource<Pod>(pods);
  await timed(`create, 64 writers, ${values.store} store`, count, async () => {
    let next = 0;
    await Promise.all(
      Array.from({ length: 64 }, async () => {
        while (next < count) await resource.create(pod(next++));
      }),
    );
  });
  await cache[Symbol.asyncDispose]();
}
await fill();
await new Promise((resolve) => setImmediate(resolve));

// Once more from the store alone, so that nothing but what is resident is counted; selectors are evaluated on every pod, so that the index records exist.
const before = memory();
const cache = await open(0);
const resource = cache.resource<Pod>(pods);
const whole = await resource.list({ predicate: (s) => s.labels.app !== "" && s.fields["status.phase"] === "Running" });
const size = whole.items.reduce((sum, s) => sum + s.bytes.length, 0) / count;
whole.items.length = 0;
const held = memory();
say(
  `a pod of ${size.toFixed(0)} bytes takes ${((held.heap - before.heap + held.external - before.external) / count).toFixed(0)} bytes (heap ${((held.heap - before.heap) / count).toFixed(0)}); resident set ${megabytes(held.rss)}`,
);

await timed("get", 200_000, async () => {
  for (let i = 0; i < 200_000; i++) await resource.get(`namespace-${i % 50}`, `workload-7d4b9c6f5d-${(i % count).toString(36).padStart(5, "0")}`);
});
await timed("list of all, items", count * 20, async () => {
  for (let i = 0; i < 20; i++) await resource.list({});
});
await timed("list of all by label, items", count * 10, async () => {
  for (let i = 0; i < 10; i++) await resource.list({ predicate: (s) => s.labels.app === "workload-7" });
});
await timed("list of a namespace by label, items", (count / 50) * 200, async () => {
  for (let i = 0; i < 200; i++) await resource.list({ namespace: "namespace-7", predicate: (s) => s.labels.app === "workload-7" });
});

const stop = new AbortController();
const updates = Math.min(count, 10_000);
const update = async (from: number, n: number): Promise<void> => {
  for (let i = from; i < from + n; i++) {
    const current = await resource.get(`namespace-${i % 50}`, `workload-7d4b9c6f5d-${i.toString(36).padStart(5, "0")}`);
    if (current) await resource.update(current.object(), current.revision);
  }
};
const spread = (): Promise<unknown> => Promise.all(Array.from({ length: 20 }, (_, i) => update((i * updates) / 20, updates / 20)));
await timed("update, no watcher", updates, spread);
let seen = 0;
const watch = async (where?: { field: string; value: string }): Promise<void> => {
  const predicate = where && ((s: { fields: Readonly<Record<string, string>> }) => s.fields[where.field] === where.value);
  for await (const batch of resource.watch({ fromRevision: cache.revision(), signal: stop.signal, where, predicate })) seen += batch.length;
};
const idle = Array.from({ length: Number(values.idle) }, (_, i) => watch({ field: "spec.nodeName", value: `idle-node-${i}` }));
await timed(`update, ${values.idle} idle watchers of other nodes`, updates, spread);
const busy = Array.from({ length: 10 }, () => watch());
await timed("update, 10 watchers of all pods as well", updates, spread);
say(`${seen} events delivered`);
stop.abort();
await Promise.all([...idle, ...busy]);
await cache[Symbol.asyncDispose]();
await store[Symbol.asyncDispose]();
if (directory) rmSync(directory, { recursive: true });
