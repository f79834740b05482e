import assert from "node:assert/strict";
import { test } from "node:test";
import type { DaemonSet } from "../../api/types/apps-v1.gen.ts";
import type { Node, Pod } from "../../api/types/core-v1.gen.ts";
import { daemonStatus, fits, planNodes, planRollout } from "./daemonset-plan.ts";

const set = (spec: object = {}, podSpec: object = {}): DaemonSet =>
  ({ metadata: { name: "d", generation: 1 }, spec: { template: { spec: { containers: [], ...podSpec } }, ...spec } }) as unknown as DaemonSet;
const node = (name: string, taints: object[] = [], labels: object = {}): Node => ({ metadata: { name, labels }, spec: { taints } }) as unknown as Node;
const pod = (name: string, on: string, { hash = "new", ready = true, phase = "Running" } = {}): Pod =>
  ({
    metadata: { name, uid: name, creationTimestamp: "2026-01-01T00:00:00Z", labels: { "controller-revision-hash": hash } },
    spec: { nodeName: on, containers: [] },
    status: { phase, conditions: [{ type: "Ready", status: ready ? "True" : "False", lastTransitionTime: "2026-01-01T00:00:00Z" }] },
  }) as unknown as Pod;
const input = (ds: DaemonSet, nodes: Node[], pods: Pod[]) => {
  const byNode = new Map<string, Pod[]>();
  for (const p of pods) byNode.set(p.spec.nodeName as string, [...(byNode.get(p.spec.nodeName as string) ?? []), p]);
  return { ds, nodes, pods: byNode, hash: "new", now: Date.UTC(2026, 1) };
};
const names = (pods: Pod[]) => pods.map((p) => p.metadata.name).sort();

test("a taint keeps new pods away, only NoExecute drives running ones out, troubles of the node are tolerated", () => {
  assert.deepEqual(fits(set(), node("n", [{ key: "x", effect: "NoSchedule" }])), { run: false, goOn: true });
  assert.deepEqual(fits(set(), node("n", [{ key: "x", effect: "NoExecute" }])), { run: false, goOn: false });
  assert.deepEqual(
    fits(
      set(),
      node("n", [
        { key: "node.kubernetes.io/unreachable", effect: "NoExecute" },
        { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" },
      ]),
    ),
    { run: true, goOn: true },
  );
});

test("node selector and affinity choose the nodes", () => {
  assert.equal(fits(set({}, { nodeSelector: { disk: "ssd" } }), node("n")).run, false);
  const affinity = {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: "gen", operator: "Gt", values: ["3"] }] }] },
    },
  };
  assert.equal(fits(set({}, { affinity }), node("n", [], { gen: "4" })).run, true);
  assert.equal(fits(set({}, { affinity }), node("n", [], { gen: "2" })).run, false);
});

test("each node that fits gets one pod, doubles and strays go", () => {
  const plan = planNodes(
    input(set(), [node("a"), node("b"), node("c", [{ key: "x", effect: "NoExecute" }])], [pod("b1", "b"), pod("b2", "b"), pod("c1", "c")]),
  );
  assert.deepEqual([plan.create, names(plan.delete)], [["a"], ["b2", "c1"]]);
  assert.deepEqual(names(planNodes(input(set(), [node("a")], [pod("a1", "a", { phase: "Failed" })])).ended), ["a1"]);
});

test("a rollout replaces one old pod at a time, unavailable ones at once", () => {
  const nodes = [node("a"), node("b"), node("c")];
  const rolling = set({ updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 1 } } });
  const old = (name: string, on: string, ready = true) => pod(name, on, { hash: "old", ready });
  assert.deepEqual(names(planRollout(input(rolling, nodes, [old("a1", "a"), old("b1", "b"), old("c1", "c")])).delete), ["a1"]);
  assert.deepEqual(names(planRollout(input(rolling, nodes, [pod("a1", "a", { ready: false }), old("b1", "b"), old("c1", "c")])).delete), []);
  assert.deepEqual(names(planRollout(input(rolling, nodes, [old("a1", "a"), old("b1", "b", false), old("c1", "c", false)])).delete), ["b1", "c1"]);
});

test("with surge the new pod comes first and the old one goes when it is available", () => {
  const surging = set({ updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } });
  const nodes = [node("a"), node("b")];
  const olds = [pod("a1", "a", { hash: "old" }), pod("b1", "b", { hash: "old" })];
  assert.deepEqual(planRollout(input(surging, nodes, olds)).create, ["a"]);
  assert.deepEqual(planRollout(input(surging, nodes, [...olds, pod("a2", "a", { ready: false })])), { create: [], delete: [] });
  assert.deepEqual(names(planRollout(input(surging, nodes, [...olds, pod("a2", "a")])).delete), ["a1"]);
});

test("the status tells scheduled, misplaced, updated and ready pods apart", () => {
  const nodes = [node("a"), node("b"), node("c", [{ key: "x", effect: "NoSchedule" }])];
  const status = daemonStatus(input(set(), nodes, [pod("a1", "a", { hash: "old" }), pod("c1", "c")]));
  assert.deepEqual(
    [
      status.desiredNumberScheduled,
      status.currentNumberScheduled,
      status.numberMisscheduled,
      status.numberReady,
      status.updatedNumberScheduled,
      status.numberUnavailable,
    ],
    [2, 1, 1, 1, 0, 1],
  );
});
