import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import type { RuntimePod } from "../runtime-pod.ts";
import { resourceMetrics } from "./resource-metrics.ts";

test("node, pods and running containers are counted, and what has no group is not", () => {
  const pod = (name: string): Pod => ({ metadata: { namespace: "n", name, uid: name }, spec: { containers: [{ name: "c" }] }, status: {} }) as Pod;
  const runtimePod = {
    containers: [
      { name: "c", id: "1", state: "running", startedAt: 5_500 },
      { name: "c", id: "0", state: "exited" },
    ],
  } as unknown as RuntimePod;
  const groups: Record<string, [number, number]> = { "/k8ts/kubepods/besteffort/poda": [3e9, 300], "/k8ts/kubepods/besteffort/poda/1": [2e9, 200] };
  const text = resourceMetrics({
    cgroups: { cpuTime: (path) => groups[path]?.[0], workingSet: (path) => groups[path]?.[1] },
    cgroupRoot: "/k8ts",
    pods: [
      { pod: pod("a"), runtimePod },
      { pod: pod("b"), runtimePod },
    ],
  });
  const lines = text.split("\n").filter((line) => line && !line.startsWith("#"));
  const [nodeCPU, nodeMemory] = ["node_cpu_usage_seconds_total", "node_memory_working_set_bytes"].map((name) =>
    Number(lines.find((l) => l.startsWith(name))?.split(" ")[1]),
  );
  assert.ok((nodeCPU ?? 0) > 0 && (nodeMemory ?? 0) > 0);
  assert.deepEqual(lines.filter((line) => !line.startsWith("node_")).sort(), [
    'container_cpu_usage_seconds_total{container="c",namespace="n",pod="a"} 2',
    'container_memory_working_set_bytes{container="c",namespace="n",pod="a"} 200',
    'container_start_time_seconds{container="c",namespace="n",pod="a"} 5.5',
    'pod_cpu_usage_seconds_total{namespace="n",pod="a"} 3',
    'pod_memory_working_set_bytes{namespace="n",pod="a"} 300',
    "resource_scrape_error 0",
  ]);
});
