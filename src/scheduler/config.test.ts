import assert from "node:assert/strict";
import { test } from "node:test";
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
  assert.deepEqual(errorsOf({ kind: "Pod", percentageOfNodesToScore: 101, extenders: [] }), [
    "extenders: Forbidden: not supported by this scheduler",
    'kind: Unsupported value: "Pod": supported values: "KubeSchedulerConfiguration"',
    "percentageOfNodesToScore: Invalid value: 101: not in valid range [0-100]",
  ]);
  assert.deepEqual(errorsOf({ podInitialBackoffSeconds: 5, podMaxBackoffSeconds: 2 }), [
    "podMaxBackoffSeconds: Invalid value: 2: must be greater than or equal to PodInitialBackoffSeconds",
  ]);
  assert.deepEqual(errorsOf({ profiles: [{}, {}] }), ['profiles[1].schedulerName: Invalid value: "default-scheduler": must be unique']);
  assert.match(
    errorsOf({ profiles: [{ plugins: { score: { disabled: [{ name: "Nope" }] } } }] })[0] ?? "",
    /^profiles\[0\]\.plugins\.score\.disabled\[0\]\.name: Unsupported value: "Nope"/,
  );
});
