import assert from "node:assert/strict";
import { test } from "node:test";
import { notFound } from "../api/status.ts";
import { MetricsAPI, type Subject, tableOf } from "./metrics-api.ts";
import type { NodePoints, Point } from "./points.ts";
import { placeOf } from "./server.ts";
import { UsageStore } from "./usage.ts";

const subject = (namespace: string, name: string, labels = {}): Subject => ({ namespace, name, labels });

function api(): MetricsAPI {
  const store = new UsageStore(15_000);
  for (const [time, cpu] of [
    [10_000, 0],
    [25_000, 1_500_000_001],
  ] as const) {
    const point: Point = { start: 0, time, cpu, memory: 3 << 20 };
    const pods = new Map([
      [
        "x/p",
        new Map([
          ["b", point],
          ["a", { ...point, cpu: 0 }],
        ]),
      ],
    ]);
    store.add(new Map<string, NodePoints>([["n", { node: point, pods }]]));
  }
  const pods = [subject("x", "p"), subject("x", "unmeasured")];
  return new MetricsAPI(
    store,
    {
      nodes: () => [subject("", "n", { zone: "a" }), subject("", "silent")],
      pods: async () => pods,
      async pod(namespace, name) {
        const found = pods.find((one) => one.namespace === namespace && one.name === name);
        if (!found) throw notFound("pods", name);
        return found;
      },
    },
    () => 30_000,
  );
}

test("metrics are shown of what exists and was measured, in upstream's units", async () => {
  assert.deepEqual((await api().nodes(new URLSearchParams())).items, [
    {
      kind: "NodeMetrics",
      apiVersion: "metrics.k8s.io/v1beta1",
      metadata: { name: "n", creationTimestamp: "1970-01-01T00:00:30Z", labels: { zone: "a" } },
      timestamp: "1970-01-01T00:00:25Z",
      window: "15s",
      usage: { cpu: "100m", memory: "3Mi" },
    },
  ]);
  const { items } = await api().pods("x", new URLSearchParams());
  assert.deepEqual(items[0]?.containers, [
    { name: "a", usage: { cpu: "0", memory: "3Mi" } },
    { name: "b", usage: { cpu: "100m", memory: "3Mi" } },
  ]);
  await assert.rejects(api().pod("x", "unmeasured"), /pods.metrics.k8s.io "x\/unmeasured" not found/);
  await assert.rejects(api().pod("x", "absent"), /pods "absent" not found/);
  await assert.rejects(api().node("silent"), /nodes.metrics.k8s.io "silent" not found/);
});

test("selectors choose, and those that cannot be read are refused", async () => {
  assert.equal((await api().nodes(new URLSearchParams({ labelSelector: "zone=b" }))).items.length, 0);
  assert.equal((await api().nodes(new URLSearchParams({ labelSelector: "zone in (a)", fieldSelector: "metadata.name=n" }))).items.length, 1);
  assert.equal((await api().pods("x", new URLSearchParams({ fieldSelector: "metadata.name!=p" }))).items.length, 0);
  await assert.rejects(api().nodes(new URLSearchParams({ labelSelector: "a in" })), { code: 400 });
  await assert.rejects(api().nodes(new URLSearchParams({ fieldSelector: "spec.x=1" })), { code: 400 });
});

test("a table sums up what the containers of a pod use", async () => {
  const table = tableOf((await api().pods("x", new URLSearchParams())).items, false) as { columnDefinitions: { name: string }[]; rows: { cells: unknown[] }[] };
  assert.deepEqual(
    table.columnDefinitions.map(({ name }) => name),
    ["Name", "cpu", "memory", "Window"],
  );
  assert.deepEqual(table.rows[0]?.cells, ["p", "100m", "6Mi", "15s"]);
});

test("paths lead to nodes and to pods, and to nothing else", () => {
  const root = "/apis/metrics.k8s.io/v1beta1";
  assert.deepEqual(placeOf(`${root}/nodes`), { resource: "nodes", namespace: "", name: "" });
  assert.deepEqual(placeOf(`${root}/namespaces/x/pods/p`), { resource: "pods", namespace: "x", name: "p" });
  for (const path of ["/pods/p", "/namespaces/x/nodes", "/namespaces/x", "/nodes/n/status", "/things", ""]) assert.equal(placeOf(root + path), undefined, path);
});
