import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node, Pod } from "../api/types/core-v1.gen.ts";
import { explain } from "../scheduler/explain.ts";
import { defaultProfile, makeNode, makePod, World } from "../scheduler/fixtures.ts";
import { podInfoOf } from "../scheduler/framework/pod-info.ts";
import { formatWhy, type Why, whyOf } from "./why.ts";

function ask(pod: Pod, nodes: readonly Node[], pods: readonly Pod[] = []): Why {
  const world = new World({ nodes, pods });
  return whyOf(pod, nodes, (variant) => explain(podInfoOf(variant), world.cache.snapshot(), world.cluster, defaultProfile, world.nominations));
}

test("the least is lowered that makes a request fit", () => {
  const used = makePod("used", { requests: { cpu: "1" }, nodeName: "a" });
  const why = ask(makePod("p", { requests: { cpu: "4", memory: "1Gi" } }), [makeNode("a")], [used]);
  assert.deepEqual(why.reasons, [{ plugin: "NodeResourcesFit", reason: "Insufficient cpu", nodes: ["a"] }]);
  assert.deepEqual(why.changes, [{ change: "lower the cpu request of container main from 4 to 3", nodes: ["a"] }]);
});

test("memory is lowered to whole mebibytes and extended resources to whole units", () => {
  const small = makeNode("a", { allocatable: { memory: "1000Mi", "example.com/gpu": "2" } });
  assert.equal(ask(makePod("p", { requests: { memory: "2Gi" } }), [small]).changes[0]?.change, "lower the memory request of container main from 2Gi to 1000Mi");
  const gpus = ask(makePod("p", { requests: { "example.com/gpu": "4" } }), [small]);
  assert.equal(gpus.changes[0]?.change, "lower the example.com/gpu request of container main from 4 to 2");
});

test("reasons are counted by node, and each change says where it leads", () => {
  const nodes = [
    makeNode("a", { spec: { taints: [{ key: "dedicated", value: "db", effect: "NoSchedule" }] } }),
    makeNode("b", { spec: { unschedulable: true } }),
    makeNode("c"),
    makeNode("d"),
  ];
  const full = ["c", "d"].map((nodeName) => makePod(`full-${nodeName}`, { requests: { cpu: "4" }, nodeName }));
  const why = ask(makePod("p", { requests: { cpu: "1" } }), nodes, full);
  assert.deepEqual(
    why.reasons.map(({ plugin, nodes: where }) => [plugin, where]),
    [
      ["NodeResourcesFit", ["c", "d"]],
      ["TaintToleration", ["a"]],
      ["NodeUnschedulable", ["b"]],
    ],
  );
  assert.deepEqual(
    new Map(why.changes.map(({ change, nodes: where }) => [change, where])),
    new Map([
      ["lower the cpu request of container main from 1 to 0", ["c", "d"]],
      ["tolerate the taint dedicated=db:NoSchedule", ["a"]],
      ["uncordon a node (kubectl uncordon b)", ["b"]],
    ]),
  );
});

test("a selector that no node has is named, and two such leave no single change", () => {
  const one = ask(makePod("p", { nodeSelector: { disk: "ssd" } }), [makeNode("a")]);
  assert.deepEqual(one.changes, [{ change: "remove the node selector disk=ssd", nodes: ["a"] }]);
  const two = ask(makePod("p", { nodeSelector: { disk: "ssd", zone: "x" } }), [makeNode("a")]);
  assert.deepEqual(two.changes, []);
  assert.match(formatWhy(two), /No single change of the pod would give it a node\./);
});

test("the only requirement of a node affinity goes with it", () => {
  const nodeAffinity = {
    requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: "disk", operator: "In", values: ["ssd"] }] }] },
  };
  assert.deepEqual(ask(makePod("p", { affinity: { nodeAffinity } }), [makeNode("a")]).changes, [
    { change: "remove the node affinity disk In [ssd]", nodes: ["a"] },
  ]);
});

test("scheduling gates are said, and taking them away is the change", () => {
  const why = ask(makePod("p", { schedulingGates: [{ name: "wait" }] }), [makeNode("a")]);
  assert.deepEqual(why.changes, [{ change: "remove the scheduling gate wait", nodes: ["a"] }]);
});

test("a pod with a node, one that fits and one of another scheduler are told so", () => {
  assert.match(formatWhy(ask(makePod("p", { nodeName: "a" }), [makeNode("a")])), /^pod default\/p is Pending, on node a/);
  assert.match(formatWhy(ask(makePod("p"), [makeNode("a")])), /fits on 1 of 1 nodes \(a\)/);
  assert.match(formatWhy(ask(makePod("p", { schedulerName: "mine" }), [makeNode("a")])), /it is left to the scheduler mine/);
});
