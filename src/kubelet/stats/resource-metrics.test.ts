import assert from "node:assert/strict";
import { test } from "node:test";
import { resourceMetrics } from "./resource-metrics.ts";
import { fakePod, fakeSource } from "./stats.fixture.ts";

test("node, pods and running containers are counted with the times of their measurement, and what has no group is not", async () => {
  const pods = [fakePod("a", ["c", "1", "running"], ["c", "0", "exited"]), fakePod("b", ["c", "2", "running"])];
  const { source } = fakeSource({ "/k/kubepods/besteffort/poda": [3e9, 300], "/k/kubepods/besteffort/poda/1": [2e9, 200] }, pods);
  const lines = (await resourceMetrics(source)).split("\n").filter((line) => line && !line.startsWith("#"));
  const [nodeCPU, nodeMemory] = ["node_cpu_usage_seconds_total", "node_memory_working_set_bytes"].map((name) =>
    Number(lines.find((line) => line.startsWith(name))?.split(" ")[1]),
  );
  assert.ok((nodeCPU ?? 0) > 0 && (nodeMemory ?? 0) > 0);
  assert.deepEqual(lines.filter((line) => !line.startsWith("node_")).sort(), [
    'container_cpu_usage_seconds_total{container="c",namespace="ns",pod="a"} 2 1000000',
    'container_memory_working_set_bytes{container="c",namespace="ns",pod="a"} 200 1000000',
    'container_start_time_seconds{container="c",namespace="ns",pod="a"} 5.5',
    'container_swap_usage_bytes{container="c",namespace="ns",pod="a"} 3 1000000',
    'pod_cpu_usage_seconds_total{namespace="ns",pod="a"} 3 1000000',
    'pod_memory_working_set_bytes{namespace="ns",pod="a"} 300 1000000',
    'pod_swap_usage_bytes{namespace="ns",pod="a"} 3 1000000',
    "resource_scrape_error 0",
  ]);
});
