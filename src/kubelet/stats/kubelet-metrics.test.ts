import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../base/clock.ts";
import { Metrics } from "../../base/metrics.ts";
import type { CriClient } from "../../cri/client.ts";
import { KubeletMetrics } from "./kubelet-metrics.ts";
import { observedCri, operationOf } from "./observed-cri.ts";
import { Rates } from "./rates.ts";
import { fakePod } from "./stats.fixture.ts";

test("operations of the runtime are counted under upstream's names", async () => {
  assert.deepEqual(["RunPodSandbox", "ListPodSandbox", "ContainerStatus", "ExecSync", "ImageFsInfo", "Version"].map(operationOf), [
    "run_podsandbox",
    "list_podsandbox",
    "container_status",
    "exec_sync",
    "image_fs_info",
    "version",
  ]);
  const metrics = new Metrics();
  const call = (method: string): Promise<object> => (method === "Version" ? Promise.resolve({}) : Promise.reject(new Error("no")));
  const cri = observedCri({ call } as unknown as CriClient, metrics, new VirtualClock(0));
  await cri.call("Version", {});
  await assert.rejects(cri.call("Status", {}));
  const text = metrics.expose();
  assert.match(text, /kubelet_runtime_operations_total\{operation_type="version"\} 1\n/);
  assert.match(text, /kubelet_runtime_operations_errors_total\{operation_type="status"\} 1\n/);
});

test("a pod's start lasts until its last container was started, and is observed once", () => {
  const clock = new VirtualClock(1000);
  const pod = fakePod("a", ["c", "1", "running"]);
  const metrics = new KubeletMetrics("n", clock, () => [pod]);
  metrics.changed(pod);
  metrics.seen("a");
  metrics.changed(pod);
  metrics.changed(pod);
  const text = metrics.metrics.expose();
  assert.match(text, /kubelet_pod_start_duration_seconds_sum 4.5\n/);
  assert.match(text, /kubelet_pod_start_duration_seconds_count 1\n/);
  assert.match(text, /kubelet_running_containers\{container_state="running"\} 1\n/);
});

test("rates come from looks far enough apart, whoever makes them", () => {
  const rates = new Rates();
  assert.equal(rates.rate("g", 0, 100), undefined);
  assert.equal(rates.rate("g", 500, 200), undefined);
  assert.equal(rates.rate("g", 2000, 300), 100);
  assert.equal(rates.rate("g", 10_000, 1100), 100);
  assert.equal(rates.rate("g", 12_000, 2300), 2200 / 12);
  // What counts from the beginning again has no rate yet.
  assert.equal(rates.rate("g", 14_000, 5), undefined);
});
