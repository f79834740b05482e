import assert from "node:assert/strict";
import { test } from "node:test";
import type { Deployment, ReplicaSet } from "../../api/types/apps-v1.gen.ts";
import { maxSurge, maxUnavailable, newSetSize, proportionalSizes, shrinkOldSets } from "./deployment-replicas.ts";

const deployment = (replicas: number, surge: number | string, unavailable: number | string): Deployment =>
  ({
    metadata: { name: "d" },
    spec: { replicas, strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: surge, maxUnavailable: unavailable } } },
  }) as unknown as Deployment;
const set = (name: string, replicas: number, available = replicas, age = 0, max?: number): ReplicaSet =>
  ({
    metadata: {
      name,
      creationTimestamp: `2026-01-01T00:00:0${age}Z`,
      annotations: max === undefined ? {} : { "deployment.kubernetes.io/max-replicas": String(max) },
    },
    spec: { replicas },
    status: { replicas, availableReplicas: available },
  }) as unknown as ReplicaSet;
const sizes = (plan: { set: ReplicaSet; replicas: number }[]) => plan.map(({ set, replicas }) => `${set.metadata.name}=${replicas}`);

test("surge is rounded up, unavailability down, and both zero means one unavailable", () => {
  assert.deepEqual([maxSurge(deployment(10, "25%", "25%")), maxUnavailable(deployment(10, "25%", "25%"))], [3, 2]);
  assert.deepEqual([maxSurge(deployment(2, 0, "1%")), maxUnavailable(deployment(2, 0, "1%"))], [0, 1]);
  assert.equal(maxUnavailable(deployment(3, 0, 10)), 3);
});

test("the new set grows into the room that surge leaves", () => {
  assert.equal(newSetSize(deployment(10, 3, 2), 0, 10), 3);
  assert.equal(newSetSize(deployment(10, 3, 2), 3, 13), 3);
  assert.equal(newSetSize(deployment(10, 3, 2), 8, 8), 10);
});

test("old sets shrink only as far as availability allows", () => {
  const d = deployment(10, 3, 2);
  assert.deepEqual(sizes(shrinkOldSets(d, set("new", 3, 0), [set("old", 10)])), ["old=8"]);
  assert.deepEqual(sizes(shrinkOldSets(d, set("new", 5, 0), [set("old", 8)])), []);
  assert.deepEqual(sizes(shrinkOldSets(d, set("new", 5, 5), [set("old", 8)])), ["old=3"]);
});

test("unhealthy old pods go first and do not count against availability", () => {
  const d = deployment(10, 3, 2);
  assert.deepEqual(sizes(shrinkOldSets(d, set("new", 3, 3), [set("sick", 4, 0, 0), set("well", 6, 6, 1)])), ["sick=0", "well=5"]);
});

test("scaling in the middle of a rollout grows each set in proportion, leftovers to the largest", () => {
  const d = deployment(20, 0, 1);
  assert.deepEqual(sizes(proportionalSizes(d, [set("old", 5, 5, 0, 10), set("new", 5, 5, 1, 10)])).sort(), ["new=10", "old=10"]);
  assert.deepEqual(sizes(proportionalSizes(deployment(0, 0, 1), [set("old", 5), set("new", 3)])).sort(), ["new=0", "old=0"]);
});
