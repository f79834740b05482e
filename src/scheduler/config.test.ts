import assert from "node:assert/strict";
import { test } from "node:test";
import { selectorFromSet } from "../api/selectors/labels.ts";
import { parseSchedulerConfig, SchedulerConfigError } from "./config.ts";
import { makeNode, makePod, World } from "./fixtures.ts";

const parse = (fields: object) => parseSchedulerConfig({ apiVersion: "kubescheduler.config.k8s.io/v1", kind: "KubeSchedulerConfiguration", ...fields });
const errorsOf = (fields: object): string[] => {
  try {
    parse(fields);
  } catch (error) {
    assert.ok(error instanceof SchedulerConfigError);
    return error.message.split("\n");
  }
  return [];
};

test("an empty configuration is upstream's default", () => {
  const { profiles, podInitialBackoff, podMaxBackoff } = parse({});
  assert.deepEqual([...profiles.keys()], ["default-scheduler"]);
  assert.equal(podInitialBackoff, 1000);
  assert.equal(podMaxBackoff, 10_000);
  assert.equal(profiles.get("default-scheduler")?.preempts, true);
});

test("plugins can be turned off as a whole or at one point", () => {
  const plugins = { multiPoint: { disabled: [{ name: "TaintToleration" }] }, filter: { disabled: [{ name: "NodeUnschedulable" }] } };
  const profile = parse({ profiles: [{ schedulerName: "lax", plugins }] }).profiles.get("lax");
  assert.ok(profile);
  const world = new World({ nodes: [makeNode("a", { spec: { unschedulable: true, taints: [{ key: "x", effect: "NoSchedule" }] } })] });
  assert.equal(world.evaluate(makePod("p"), profile).feasible.length, 1);
  assert.deepEqual(world.feasible(makePod("p")), []);
});

test("weights and preemption are a profile's own", () => {
  const plugins = { score: { enabled: [{ name: "ImageLocality", weight: 7 }] }, postFilter: { disabled: [{ name: "*" }] } };
  const { profiles } = parse({
    profiles: [
      { schedulerName: "a", plugins },
      { schedulerName: "b", percentageOfNodesToScore: 40 },
    ],
  });
  assert.equal(profiles.get("a")?.weights.ImageLocality, 7);
  assert.equal(profiles.get("a")?.preempts, false);
  assert.equal(profiles.get("b")?.percentageOfNodesToScore, 40);
});

test("each error names its field", () => {
  assert.deepEqual(errorsOf({ kind: "Pod", percentageOfNodesToScore: 101, extender: [] }), [
    "extender: Forbidden: not supported by this scheduler",
    'kind: Unsupported value: "Pod": supported values: "KubeSchedulerConfiguration"',
    "percentageOfNodesToScore: Invalid value: 101: not in valid range [0-100]",
  ]);
  assert.deepEqual(errorsOf({ podInitialBackoffSeconds: 5, podMaxBackoffSeconds: 2 }), [
    "podMaxBackoffSeconds: Invalid value: 2: must be greater than or equal to PodInitialBackoffSeconds",
  ]);
  assert.deepEqual(errorsOf({ profiles: [{ schedulerName: "a" }, {}] }), ["profiles[1].schedulerName: Required value"]);
  const twice = [{ schedulerName: "a" }, { schedulerName: "a" }];
  assert.deepEqual(errorsOf({ profiles: twice }), ['profiles[1].schedulerName: Duplicate value: "profiles[0].schedulerName"']);
  assert.match(
    errorsOf({ profiles: [{ plugins: { score: { disabled: [{ name: "Nope" }] } } }] })[0] ?? "",
    /^profiles\[0\]\.plugins\.score\.disabled\[0\]\.name: Unsupported value: "Nope"/,
  );
});

const profileWith = (name: string, args: object) => parse({ profiles: [{ pluginConfig: [{ name, args }] }] }).profiles.get("default-scheduler");
const argErrors = (name: string, args: object): string[] =>
  errorsOf({ profiles: [{ pluginConfig: [{ name, args }] }] }).map((text) => text.replace("profiles[0].pluginConfig[0].args.", ""));

test("nodes are filled or spared as the scoring strategy says", () => {
  const on = (node: string) => makePod(`on-${node}`, { nodeName: node, requests: { cpu: "2", memory: "16Gi" } });
  const world = new World({ nodes: [makeNode("full"), makeNode("empty")], pods: [on("full")] });
  const best = (strategy: object): string | undefined => {
    const profile = profileWith("NodeResourcesFit", { scoringStrategy: strategy });
    assert.ok(profile);
    const pod = makePod("p", { requests: { cpu: "1", memory: "8Gi" } });
    const [first] = world.evaluate(pod, profile).feasible.toSorted((a, b) => b.score - a.score);
    return first && world.nameOf(first.row);
  };
  const shape = (...scores: number[]) => scores.map((score, i) => ({ utilization: i * 100, score }));
  assert.equal(best({ type: "LeastAllocated" }), "empty");
  assert.equal(best({ type: "MostAllocated", resources: [{ name: "cpu", weight: 3 }] }), "full");
  assert.equal(best({ type: "RequestedToCapacityRatio", requestedToCapacityRatio: { shape: shape(0, 10) } }), "full");
  assert.equal(best({ type: "RequestedToCapacityRatio", requestedToCapacityRatio: { shape: shape(10, 0) } }), "empty");
});

test("an affinity can be added to every pod's", () => {
  const term = { matchExpressions: [{ key: "pool", operator: "In", values: ["a"] }] };
  const profile = profileWith("NodeAffinity", { addedAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term] } } });
  assert.ok(profile);
  const world = new World({ nodes: [makeNode("a", { labels: { pool: "a" } }), makeNode("b")] });
  const { feasible, diagnosis } = world.evaluate(makePod("p"), profile);
  assert.deepEqual(
    feasible.map(({ row }) => world.nameOf(row)),
    ["a"],
  );
  assert.deepEqual(
    [...diagnosis.rejected].map(([, { reasons }]) => reasons),
    [["node(s) didn't match scheduler-enforced node affinity"]],
  );
});

test("extended resources that others look after do not count", () => {
  const profile = profileWith("NodeResourcesFit", { ignoredResourceGroups: ["example.com"] });
  assert.ok(profile);
  const world = new World({ nodes: [makeNode("a")] });
  const pod = makePod("p", { requests: { "example.com/gpu": "1" } });
  assert.deepEqual(world.feasible(pod), []);
  assert.equal(world.evaluate(pod, profile).feasible.length, 1);
});

test("constraints of spreading by default can be chosen", () => {
  const constraint = { maxSkew: 1, topologyKey: "rack", whenUnsatisfiable: "DoNotSchedule" };
  const profile = profileWith("PodTopologySpread", { defaultingType: "List", defaultConstraints: [constraint] });
  assert.ok(profile);
  const labels = { app: "web" };
  const nodes = [makeNode("a", { labels: { rack: "1" } }), makeNode("b", { labels: { rack: "2" } })];
  const world = new World({ nodes, pods: [makePod("on-a", { nodeName: "a", labels })], defaultSelector: () => selectorFromSet(labels) });
  assert.deepEqual(
    world.evaluate(makePod("p", { labels }), profile).feasible.map(({ row }) => world.nameOf(row)),
    ["b"],
  );
});

test("arguments of plugins are checked as upstream checks them", () => {
  assert.deepEqual(argErrors("DefaultPreemption", { minCandidateNodesPercentage: 0, minCandidateNodesAbsolute: 0 }), [
    "minCandidateNodesPercentage: Invalid value: 0: cannot be zero at the same time as minCandidateNodesAbsolute",
    "minCandidateNodesAbsolute: Invalid value: 0: cannot be zero at the same time as minCandidateNodesPercentage",
  ]);
  assert.deepEqual(argErrors("InterPodAffinity", { hardPodAffinityWeight: 101 }), ["hardPodAffinityWeight: Invalid value: 101: not in valid range [0, 100]"]);
  assert.deepEqual(argErrors("NodeResourcesFit", { scoringStrategy: { type: "Best", resources: [{ name: "cpu", weight: 101 }] } }), [
    'scoringStrategy.type: Unsupported value: "Best": supported values: "LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"',
    "scoringStrategy.resources[0].weight: Invalid value: 101: resource weight of cpu not in valid range (0, 100]",
  ]);
  assert.deepEqual(argErrors("PodTopologySpread", { defaultConstraints: [{ maxSkew: 0, topologyKey: "", whenUnsatisfiable: "Maybe" }] }), [
    'defaultingType: Invalid value: "System": when .defaultConstraints are not empty',
    "defaultConstraints[0].maxSkew: Invalid value: 0: not in valid range (0, inf)",
    "defaultConstraints[0].topologyKey: Required value: can not be empty",
    'defaultConstraints[0].whenUnsatisfiable: Unsupported value: "Maybe": supported values: "DoNotSchedule", "ScheduleAnyway"',
  ]);
  assert.deepEqual(argErrors("VolumeBinding", { bindTimeoutSeconds: -1 }), [
    "bindTimeoutSeconds: Invalid value: -1: invalid BindTimeoutSeconds, should not be a negative value",
  ]);
});

test("what is left out at one point stays at the others, and who names a plugin without a weight says 1", () => {
  const plugins = { filter: { disabled: [{ name: "NodeAffinity" }] }, score: { enabled: [{ name: "NodeAffinity" }] } };
  const profile = parse({ profiles: [{ plugins }] }).profiles.get("default-scheduler");
  assert.ok(profile);
  assert.equal(profile.weights.NodeAffinity, 1);
  const world = new World({ nodes: [makeNode("a"), makeNode("b")] });
  const fits = (pod: ReturnType<typeof makePod>): string[] => world.evaluate(pod, profile).feasible.map(({ row }) => world.nameOf(row));
  const term = { matchFields: [{ key: "metadata.name", operator: "In", values: ["b"] }] };
  const affinity = { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term] } } };
  assert.deepEqual(fits(makePod("p", { affinity })), ["b"]);
  assert.deepEqual(fits(makePod("q", { nodeSelector: { any: "label" } })), ["a", "b"]);
});
