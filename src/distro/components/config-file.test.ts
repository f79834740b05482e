import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
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
    problems(() => readKubeletConfig(write(`${kubelet}maxPods: many\nmaxpods: 3\ncgroupDriver: systemd\nauthentication: {webhook: {enabled: false}}\n`))),
    [
      "authentication.webhook.enabled: false is not supported, only true: tokens are always reviewed by the API server",
      'cgroupDriver: "systemd" is not supported, only "cgroupfs": pods\' cgroups are made by name below cgroupRoot',
      "maxPods: it must be a whole number",
      "maxpods: unknown field",
    ],
  );
  assert.deepEqual(
    problems(() => readKubeletConfig(write(`${kubelet}imageGCHighThresholdPercent: 70\n`))),
    [
      "invalid configuration: imageGCLowThresholdPercent (--image-gc-low-threshold) 80 must be less than imageGCHighThresholdPercent (--image-gc-high-threshold) 70",
    ],
  );
});

test("values of a kubelet's configuration are judged in upstream's words", () => {
  const wrong = (text: string): string[] =>
    problems(() => readKubeletConfig(write(`${kubelet}${text}\n`))).map((p) => p.replace("invalid configuration: ", ""));
  assert.deepEqual(wrong("maxPods: -1\npodsPerCore: -2\nnodeStatusMaxImages: -2\nport: 0\nnodeLeaseDurationSeconds: 0\noomScoreAdj: -1001"), [
    "nodeLeaseDurationSeconds must be greater than 0",
    "port (--port) 0 must be between 1 and 65535, inclusive",
    "oomScoreAdj (--oom-score-adj) -1001 must be between -1000 and 1000, inclusive",
    "maxPods (--max-pods) -1 must not be a negative number",
    "podsPerCore (--pods-per-core) -2 must not be a negative number",
    "nodeStatusMaxImages (--node-status-max-images) -2 must be -1 or greater",
  ]);
  assert.deepEqual(wrong("crashLoopBackOff: {maxContainerRestartPeriod: 500ms}\ncontainerLogMaxFiles: 1\npodLogsDir: var/../log"), [
    "CrashLoopBackOff.MaxContainerRestartPeriod (got: 0.5 seconds) must be set between 1s and 300s",
    "containerLogMaxFiles must be greater than 1",
    'pod logs path "var/../log" must be absolute path',
    'pod logs path "var/../log" must be normalized',
  ]);
  assert.deepEqual(wrong("maxParallelImagePulls: 4"), [
    "maxParallelImagePulls cannot be larger than 1 unless SerializeImagePulls (--serialize-image-pulls) is set to false",
  ]);
  assert.deepEqual(wrong("evictionSoft: {memory.available: 1Gi}"), ["grace period must be specified for the soft eviction threshold memory.available"]);
  assert.deepEqual(wrong("evictionSoft: {memory.available: 1Gi}\nevictionSoftGracePeriod: {memory.available: -1m}"), [
    "invalid eviction grace period specified: -1m, must be a positive value",
  ]);
  assert.deepEqual(wrong("systemReserved: {cpu: '-1', gold: '1'}"), [
    'resource quantity for "cpu" cannot be negative: -1',
    'cannot reserve "gold" resource in systemReserved',
  ]);
  assert.deepEqual(wrong("shutdownGracePeriod: 5s\nshutdownGracePeriodCriticalPods: 10s\nshutdownGracePeriodByPodPriority: [{priority: 0}]"), [
    "shutdownGracePeriodCriticalPods {10s} must be <= shutdownGracePeriod {5s}",
    "Cannot specify both shutdownGracePeriodByPodPriority and shutdownGracePeriod at the same time",
    "shutdownGracePeriodByPodPriority[0] must have a priority and shutdownGracePeriodSeconds, both whole numbers",
  ]);
  assert.match(wrong("registerWithTaints: [{key: a, effect: Maybe}]")[0] ?? "", /^invalid taint: /);
});

test("drop-ins go over the file in the order of their names, member by member, and are named when they are wrong", () => {
  const base = write(`${kubelet}maxPods: 20\nclusterDomain: a.b\nevictionHard: {memory.available: 100Mi, nodefs.available: 10%}\n`);
  const directory = mkdtempSync(join(tmpdir(), "k8ts-drop-ins-"));
  try {
    mkdirSync(join(directory, "20-more"));
    writeFileSync(join(directory, "10-first.conf"), `${kubelet}maxPods: 30\nevictionHard: {memory.available: 200Mi}\n`);
    writeFileSync(join(directory, "20-more", "x.conf"), `${kubelet}maxPods: 40\nclusterDomain: null\n`);
    writeFileSync(join(directory, "30-ignored.yaml"), "nonsense");
    const { config } = readKubeletConfig(base, directory);
    assert.deepEqual([config.maxPods, config.clusterDomain], [40, undefined]);
    assert.deepEqual(config.evictionHard, { "memory.available": "200Mi", "nodefs.available": "10%" });
    assert.equal(readKubeletConfig("", directory).config.maxPods, 40);
    writeFileSync(join(directory, "40.conf"), `${kubelet}maxPodz: 1\n`);
    assert.throws(() => readKubeletConfig(base, directory), /40\.conf: maxPodz: unknown field/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("eviction, bounds and who is let in are taken from a kubelet's configuration", () => {
  const read = readKubeletConfig(
    write(
      `${kubelet}evictionHard: {memory.available: 1Gi}\nmergeDefaultEvictionSettings: true\nevictionSoft: {memory.available: 2Gi}\nevictionSoftGracePeriod: {memory.available: 1m30s}\nevictionMaxPodGracePeriod: 30\npodPidsLimit: 100\nauthentication: {anonymous: {enabled: true}, webhook: {cacheTTL: 1m}}\nauthorization: {mode: AlwaysAllow}\n`,
    ),
  );
  assert.equal(read.config.evictionHard?.["memory.available"], "1Gi");
  assert.equal(read.config.evictionHard?.["imagefs.available"], "15%");
  assert.deepEqual(read.config.evictionSoftGracePeriod, { "memory.available": 90_000 });
  assert.deepEqual([read.config.evictionMaxPodGracePeriod, read.config.podPidsLimit, read.oomScoreAdj], [30, 100, -999]);
  assert.deepEqual([read.access.anonymous, read.access.alwaysAllow, read.access.tokenTTL], [true, true, 60_000]);
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
