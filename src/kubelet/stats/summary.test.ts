import assert from "node:assert/strict";
import { test } from "node:test";
import { cadvisorMetrics } from "./cadvisor.ts";
import { ProbeMetrics } from "./probe-metrics.ts";
import { fakePod, fakeSource } from "./stats.fixture.ts";
import { summary } from "./summary.ts";

type PodSummary = { podRef: object; cpu: Record<string, number>; containers: Record<string, Record<string, number>>[] } & Record<
  string,
  Record<string, number>
>;
const groups = (): Record<string, [number, number]> => ({
  "/k/kubepods": [5e9, 500],
  "/k/kubepods/besteffort/poda": [3e9, 300],
  "/k/kubepods/besteffort/poda/one": [2e9, 200],
});

test("the summary has what runs, with rates from the second look on", async () => {
  const table = groups();
  const { source, clock } = fakeSource(table, [fakePod("a", ["c", "one", "running"]), fakePod("gone", ["c", "two", "running"])]);
  const first = (await summary(source, false)) as { pods: PodSummary[] };
  assert.equal(first.pods.length, 1);
  assert.deepEqual(first.pods[0]?.podRef, { name: "a", namespace: "ns", uid: "a" });
  assert.equal(first.pods[0]?.cpu.usageNanoCores, 0);
  await clock.advance(10_000);
  table["/k/kubepods/besteffort/poda"] = [8e9, 300];
  const [pod] = ((await summary(source, false)) as { pods: PodSummary[] }).pods;
  assert.equal(pod?.cpu.usageNanoCores, 5e8);
  const [container] = pod?.containers ?? [];
  assert.equal(container?.memory?.availableBytes, 800);
  assert.deepEqual([container?.rootfs?.usedBytes, container?.rootfs?.inodesUsed], [4096, 2]);
  assert.equal(pod?.["ephemeral-storage"]?.usedBytes, 4096);
});

test("asked for processor time and memory alone, nothing is looked for on disks or in the runtime", async () => {
  const { source } = fakeSource(groups(), [fakePod("a", ["c", "one", "running"])]);
  source.imageFilesystem = () => assert.fail("the runtime was asked");
  source.disk = () => assert.fail("files were counted");
  const { node, pods } = (await summary(source, true)) as { node: Record<string, unknown>; pods: PodSummary[] };
  assert.deepEqual([node.fs, node.runtime, node.rlimit, pods[0]?.network], [undefined, undefined, undefined, undefined]);
  assert.equal((node.systemContainers as { name: string }[])[0]?.name, "pods");
});

test("cAdvisor's families bear the kubelet's labels, and throttling is shown only where there is a quota", async () => {
  const table = { ...groups(), "/k/kubepods/besteffort/poda/limited": [1e9, 100] as [number, number] };
  const { source } = fakeSource(table, [fakePod("a", ["c", "one", "running"], ["d", "limited", "running"])]);
  const lines = (await cadvisorMetrics(source)).split("\n");
  const of = (name: string): string[] => lines.filter((line) => line.startsWith(`${name}{`));
  const labels = 'container="c",id="/k/kubepods/besteffort/poda/one",image="i",name="one",namespace="ns",pod="a"';
  assert.ok(of("container_cpu_usage_seconds_total").includes(`container_cpu_usage_seconds_total{${labels},cpu="total"} 2 1000000`));
  assert.ok(of("container_memory_working_set_bytes").includes(`container_memory_working_set_bytes{${labels}} 200 1000000`));
  assert.equal(of("container_cpu_cfs_throttled_seconds_total").length, 1);
  assert.ok(of("container_fs_writes_bytes_total").some((line) => line.includes('device="999:1"')));
  assert.equal(lines.filter((line) => line.startsWith("# TYPE container_memory_failures_total")).length, 1);
  assert.ok(of("machine_cpu_cores").length === 1 && lines.includes("container_scrape_error 0"));
});

test("probes are counted by their results until their pod is gone", () => {
  const metrics = new ProbeMetrics(5000);
  const { pod } = fakePod("a");
  metrics.observe(pod, "c", "Liveness", "successful", 0.02);
  metrics.observe(pod, "c", "Liveness", "failed", 1);
  const text = metrics.expose();
  assert.match(text, /prober_probe_total\{container="c",namespace="ns",pod="a",pod_uid="a",probe_type="Liveness",result="failed"\} 1\n/);
  assert.match(text, /prober_probe_duration_seconds_bucket\{container="c",namespace="ns",pod="a",probe_type="Liveness",le="0.025"\} 1\n/);
  metrics.forget("a");
  assert.doesNotMatch(metrics.expose(), /prober_probe/);
});
