import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import { planReplicas, type Replicated, replicasStatus } from "./replicas.ts";

const now = Date.UTC(2026, 0, 1, 1);
const pod = (
  name: string,
  { node = "n", phase = "Running", ready = true, cost = "", labels = { a: "b" } as Record<string, string>, since = "2026-01-01T00:00:00Z" } = {},
): Pod =>
  ({
    metadata: {
      name,
      uid: name,
      labels,
      creationTimestamp: "2026-01-01T00:00:00Z",
      annotations: cost ? { "controller.kubernetes.io/pod-deletion-cost": cost } : {},
    },
    spec: { nodeName: node || undefined, containers: [] },
    status: { phase, conditions: [{ type: "Ready", status: ready ? "True" : "False", lastTransitionTime: since }] },
  }) as unknown as Pod;
const doomed = (pods: Pod[], wanted: number, related = pods) => planReplicas(wanted, pods, () => related, now).delete.map((p) => p.metadata.name);

test("missing pods are created, at most five hundred at once", () => {
  assert.deepEqual(
    planReplicas(3, [pod("a")], () => [], now),
    { create: 2, delete: [] },
  );
  assert.equal(planReplicas(900, [], () => [], now).create, 500);
});

test("surplus pods go in the order unassigned, pending, not ready, cheap", () => {
  const pods = [
    pod("well"),
    pod("cheap", { cost: "-5" }),
    pod("sick", { ready: false }),
    pod("pending", { phase: "Pending", ready: false }),
    pod("unassigned", { node: "", phase: "Pending", ready: false }),
  ];
  assert.deepEqual(doomed(pods, 1), ["unassigned", "pending", "sick", "cheap"]);
});

test("of equal pods the one goes whose node has more of its relatives", () => {
  assert.deepEqual(doomed([pod("alone", { node: "x" }), pod("a", { node: "y" }), pod("b", { node: "y" })], 2), ["a"]);
});

test("the status counts ready and available pods apart and carries a failure", () => {
  const object = {
    metadata: { name: "r", generation: 3 },
    spec: { replicas: 3, minReadySeconds: 10, template: { metadata: { labels: { a: "b" } } } },
    status: { replicas: 0 },
  } as unknown as Replicated;
  const pods = [pod("old"), pod("fresh", { since: "2026-01-01T00:59:55Z" }), pod("other", { labels: {}, ready: false })];
  const status = replicasStatus(object, pods, 1, new Error("no quota"), now);
  assert.deepEqual(
    [status.replicas, status.fullyLabeledReplicas, status.readyReplicas, status.availableReplicas, status.terminatingReplicas, status.observedGeneration],
    [3, 2, 2, 1, 1, 3],
  );
  assert.deepEqual([status.conditions?.[0]?.type, status.conditions?.[0]?.message], ["ReplicaFailure", "no quota"]);
  assert.equal(replicasStatus({ ...object, status }, pods, 1, undefined, now).conditions, undefined);
});
