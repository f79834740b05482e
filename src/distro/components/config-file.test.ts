import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { readKubeletConfig } from "./kubelet-config.ts";
import { readSchedulerConfig } from "./scheduler-config.ts";

const directory = mkdtempSync(join(tmpdir(), "config-"));
after(() => rmSync(directory, { recursive: true }));
const path = join(directory, "config.yaml");
const write = (text: string): string => {
  writeFileSync(path, text);
  return path;
};
const problems = (read: () => unknown): string[] => {
  try {
    read();
  } catch (error) {
    return (error as Error).message.split("\n").map((line) => line.replace(`${path}: `, ""));
  }
  return [];
};
const kubelet = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";
const scheduler = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n";

test("fields of a kubelet's configuration act", () => {
  const read = readKubeletConfig(
    write(
      `${kubelet}maxPods: 20\nclusterDNS: [10.96.0.10]\nsyncFrequency: 30s\ncpuCFSQuotaPeriod: 50ms\ncontainerLogMaxSize: 5Mi\nauthentication: {x509: {clientCAFile: /ca.crt}}\nevictionHard: {memory.available: 200Mi, nodefs.available: 10%}\nevictionPressureTransitionPeriod: 1m\n`,
    ),
  );
  assert.equal(read.config.maxPods, 20);
  assert.deepEqual(read.config.clusterDNS, ["10.96.0.10"]);
  assert.equal(read.config.syncInterval, 30_000);
  assert.equal(read.config.cpuCFSQuotaPeriod, 50_000);
  assert.equal(read.config.containerLogMaxSize, 5 * 1024 * 1024);
  assert.deepEqual(read.config.evictionHard, { "memory.available": "200Mi", "nodefs.available": "10%" });
  assert.equal(read.config.evictionPressureTransitionPeriod, 60_000);
  assert.equal(read.clientCAFile, "/ca.crt");
  assert.deepEqual(read.healthz, { host: "127.0.0.1", port: 10248 });
});

test("a field that cannot act may be written with upstream's default, in any form of it", () => {
  assert.deepEqual(
    problems(() =>
      readKubeletConfig(
        write(`${kubelet}streamingConnectionIdleTimeout: 4h\nenforceNodeAllocatable: [pods]\nstaticPodPath: ""\ncpuManagerPolicy: none\nqosReserved: {}\n`),
      ),
    ),
    [],
  );
});

test("each mistake in a file is told with its path, all at once", () => {
  assert.deepEqual(
    problems(() => readKubeletConfig(write(`${kubelet}maxPods: many\nmaxpods: 3\ncgroupDriver: systemd\nauthentication: {anonymous: {enabled: true}}\n`))),
    [
      "authentication.anonymous.enabled: true is not supported, only false: who says nothing is let in nowhere",
      'cgroupDriver: "systemd" is not supported, only "cgroupfs": pods\' cgroups are made by name below cgroupRoot',
      "maxPods: it must be a whole number",
      "maxpods: unknown field",
    ],
  );
  assert.deepEqual(
    problems(() => readKubeletConfig(write(`${kubelet}imageGCHighThresholdPercent: 70\n`))),
    ["imageGCLowThresholdPercent 80 must be less than imageGCHighThresholdPercent 70"],
  );
});

test("files of another kind, that are no YAML, or that do not exist are refused", () => {
  assert.match(
    problems(() => readKubeletConfig(write("apiVersion: v1\nkind: Pod\n")))[0] ?? "",
    /it is "v1" "Pod", and must be "kubelet.config.k8s.io\/v1beta1" "KubeletConfiguration"/,
  );
  assert.match(problems(() => readKubeletConfig(write("a: [")))[0] ?? "", /^--config: /);
  assert.match(problems(() => readKubeletConfig(write("- a\n")))[0] ?? "", /must be a mapping/);
  assert.deepEqual(
    problems(() => readKubeletConfig("/does/not/exist")),
    ["--config: /does/not/exist does not exist"],
  );
});

test("profiles, weights and back-offs of a scheduler's configuration act", () => {
  const read = readSchedulerConfig(
    write(
      `${scheduler}podInitialBackoffSeconds: 2\npercentageOfNodesToScore: 30\nleaderElection: {leaderElect: false}\nprofiles:\n- schedulerName: mine\n  plugins: {multiPoint: {disabled: [{name: ImageLocality}, {name: DefaultPreemption}], enabled: [{name: NodeAffinity, weight: 9}]}}\n- schedulerName: other\n  percentageOfNodesToScore: 100\n`,
    ),
  );
  assert.equal(read.config.podInitialBackoff, 2000);
  assert.deepEqual(read.leaderElection, { "leader-elect": false });
  const mine = read.config.profiles.get("mine");
  assert.equal(mine?.percentageOfNodesToScore, 30);
  assert.equal(mine?.preempts, false);
  assert.equal(mine?.weights.NodeAffinity, 9);
  assert.ok(!mine?.plugins.some(({ name }) => name === "ImageLocality"));
  assert.equal(read.config.profiles.get("other")?.percentageOfNodesToScore, 100);
  assert.equal(read.config.profiles.get("other")?.preempts, true);
});

test("mistakes in a scheduler's configuration are told", () => {
  assert.deepEqual(
    problems(() =>
      readSchedulerConfig(
        write(
          `${scheduler}parallelism: 4\npodMaxBackoffSeconds: 0\nprofiles:\n- schedulerName: a\n  pluginConfig: [{name: NodeAffinity}]\n- schedulerName: a\n  plugins: {score: {enabled: [{name: X}]}, multiPoint: {disabled: [{name: Nope}]}}\n`,
        ),
      ),
    ),
    ["parallelism: 4 is not supported, only 16: pods are decided one after the other on one thread"],
  );
  assert.deepEqual(
    problems(() =>
      readSchedulerConfig(
        write(
          `${scheduler}podMaxBackoffSeconds: 0\nprofiles:\n- schedulerName: a\n  pluginConfig: [{name: NodeAffinity}]\n- schedulerName: a\n  plugins: {score: {enabled: [{name: X}]}, multiPoint: {disabled: [{name: BinPack}]}}\n`,
        ),
      ),
    ).map((line) => line.split(": supported values")[0]),
    [
      'profiles[1].plugins.multiPoint.disabled[0].name: Unsupported value: "BinPack"',
      'profiles[1].plugins.score.enabled[0].name: Unsupported value: "X"',
      'profiles[1].schedulerName: Duplicate value: "profiles[0].schedulerName"',
      "podMaxBackoffSeconds: Invalid value: 0: must be greater than or equal to PodInitialBackoffSeconds",
    ],
  );
});
