import assert from "node:assert/strict";
import { test } from "node:test";
import { type NodePoints, type Point, parseResourceMetrics } from "./points.ts";
import { UsageStore, usageOf } from "./usage.ts";

const point = (time: number, cpu: number, start = 0): Point => ({ start, time, cpu, memory: 100 });
const batch = (pods: Record<string, Record<string, Point>>, node?: Point): Map<string, NodePoints> => {
  const maps = Object.entries(pods).map(([pod, containers]) => [pod, new Map(Object.entries(containers))] as const);
  return new Map([["n", { pods: new Map(maps), ...(node ? { node } : {}) }]]);
};

test("what a kubelet exposes is read with its own times, and a pod that lacks a value is left out whole", () => {
  const { node, pods } = parseResourceMetrics(
    `# HELP node_cpu_usage_seconds_total [STABLE] Cumulative
node_cpu_usage_seconds_total 10.5 5000
node_memory_working_set_bytes 1e+09 5000
container_cpu_usage_seconds_total{container="a",namespace="x",pod="p"} 1 6000
container_memory_working_set_bytes{container="a",namespace="x",pod="p"} 20 6100
container_start_time_seconds{container="a",namespace="x",pod="p"} 1.5 6100
container_swap_usage_bytes{container="a",namespace="x",pod="p"} 7 6100
container_cpu_usage_seconds_total{container="a",namespace="x",pod="half"} 1
container_cpu_usage_seconds_total{container="a",namespace="x",pod="lie"} NaN
container_memory_working_set_bytes{container="b",namespace="x",pod="half"} 20
something_else{__proto__="a"} 1
`,
    9000,
  );
  assert.deepEqual(node, { start: 0, time: 5000, cpu: 10.5e9, memory: 1e9 });
  assert.deepEqual([...pods.keys()], ["x/p"]);
  assert.deepEqual(pods.get("x/p")?.get("a"), { start: 1500, time: 6000, cpu: 1e9, memory: 20, swap: 7 });
});

test("usage is the difference of two measurements over their distance, and nothing where they do not belong together", () => {
  assert.deepEqual(usageOf(point(3000, 3e9), point(1000, 1e9)), { cpu: 1e9, memory: 100, time: 3000, window: 2000 });
  assert.equal(usageOf(point(3000, 1), point(1000, 2)), undefined);
  assert.equal(usageOf(point(1000, 2), point(1000, 1)), undefined);
});

test("two looks make figures; a container that was started again begins anew; what is gone is forgotten", () => {
  const store = new UsageStore(60_000);
  store.add(batch({ "x/p": { a: point(100_000, 1e9, 1000), b: point(100_000, 0, 1000) } }, point(100_000, 0)));
  assert.equal(store.pod("x", "p"), undefined);
  assert.equal(store.node("n"), undefined);
  store.add(batch({ "x/p": { a: point(110_000, 2e9, 1000), b: point(110_000, 5e9, 1000) } }, point(110_000, 20e9)));
  assert.deepEqual(
    store.pod("x", "p")?.map(([name, { cpu }]) => [name, cpu]),
    [
      ["a", 1e8],
      ["b", 5e8],
    ],
  );
  assert.equal(store.node("n")?.cpu, 2e9);
  // The same measurement again: the pair before it stays.
  store.add(batch({ "x/p": { a: point(110_000, 2e9, 1000), b: point(110_000, 5e9, 1000) } }));
  assert.equal(store.pod("x", "p")?.length, 2);
  store.add(batch({ "x/p": { a: point(120_000, 3e9, 1000), b: point(120_000, 1e6, 119_000) } }));
  assert.equal(store.pod("x", "p"), undefined);
  store.add(batch({}));
  assert.deepEqual(store.size, { nodes: 0, pods: 0 });
});

test("a container between ten seconds and one resolution old is measured from its start on", () => {
  const store = new UsageStore(60_000);
  store.add(batch({ "x/young": { a: point(100_000, 5e9, 95_000) }, "x/older": { a: point(100_000, 10e9, 80_000) } }));
  assert.equal(store.pod("x", "young"), undefined);
  assert.deepEqual(store.pod("x", "older"), [["a", { cpu: 5e8, memory: 100, time: 100_000, window: 20_000 }]]);
});
