import assert from "node:assert/strict";
import { test } from "node:test";
import type { StatefulSet } from "../../api/types/apps-v1.gen.ts";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import { keepsCurrent, nextToUpdate, ordinalOf, statefulPod, statefulStatus } from "./statefulset-pods.ts";

const set = (spec: object = {}, status: object = {}): StatefulSet =>
  ({
    metadata: { name: "db", namespace: "ns", generation: 2 },
    spec: {
      serviceName: "db",
      replicas: 3,
      template: { metadata: { labels: { a: "b" } }, spec: { containers: [] } },
      updateStrategy: { type: "RollingUpdate" },
      ...spec,
    },
    status,
  }) as unknown as StatefulSet;
const pod = (ordinal: number, revision: string, ready = true): Pod =>
  ({
    metadata: { name: `db-${ordinal}`, uid: `u${ordinal}`, labels: { "controller-revision-hash": revision } },
    spec: { containers: [] },
    status: { phase: "Running", conditions: [{ type: "Ready", status: ready ? "True" : "False", lastTransitionTime: "2026-01-01T00:00:00Z" }] },
  }) as unknown as Pod;
const now = Date.UTC(2026, 1);
const names = (pods: Pod[]) => pods.map((p) => p.metadata.name);
const owner = { about: { name: "db" }, namespace: "ns", controllerRef: { apiVersion: "apps/v1", kind: "StatefulSet", name: "db", uid: "s" } };

test("a pod carries its ordinal in name, labels, host name and claims", () => {
  const claims = set({ volumeClaimTemplates: [{ metadata: { name: "data" } }] });
  const made = statefulPod(claims, owner, claims.spec.template, "db-1", 2);
  assert.deepEqual([made.metadata.name, made.metadata.generateName, made.spec.hostname, made.spec.subdomain], ["db-2", "db-", "db-2", "db"]);
  assert.deepEqual(made.spec.volumes, [{ name: "data", persistentVolumeClaim: { claimName: "data-db-2", readOnly: false } }]);
  assert.deepEqual(made.metadata.labels, {
    a: "b",
    "controller-revision-hash": "db-1",
    "statefulset.kubernetes.io/pod-name": "db-2",
    "apps.kubernetes.io/pod-index": "2",
  });
  assert.equal(ordinalOf(claims, made), 2);
  assert.equal(ordinalOf(claims, { ...made, metadata: { ...made.metadata, name: "db-02" } }), undefined);
});

test("an update goes from the highest ordinal down to the partition, one at a time", () => {
  const replicas = [pod(0, "old"), pod(1, "old"), pod(2, "old")];
  assert.deepEqual(names(nextToUpdate(set(), replicas, "new", now)), ["db-2"]);
  assert.deepEqual(names(nextToUpdate(set(), [pod(0, "old"), pod(1, "old"), pod(2, "new", false)], "new", now)), []);
  assert.deepEqual(names(nextToUpdate(set(), [pod(0, "old"), pod(1, "old"), pod(2, "new")], "new", now)), ["db-1"]);
  const partitioned = set({ updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 2 } } });
  assert.deepEqual(names(nextToUpdate(partitioned, [pod(0, "old"), pod(1, "old"), pod(2, "new")], "new", now)), []);
  assert.deepEqual(names(nextToUpdate(set({ updateStrategy: { type: "OnDelete" } }), replicas, "new", now)), []);
});

test("pods below the partition are made anew with the old revision", () => {
  const partitioned = set({ updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 2 } } });
  assert.deepEqual([keepsCurrent(partitioned, 1), keepsCurrent(partitioned, 2)], [true, false]);
});

test("the current revision moves when all pods are updated and ready", () => {
  const revisions = { current: "old", update: "new", collisionCount: 0 };
  const half = statefulStatus(set(), [pod(0, "old"), pod(1, "new"), pod(2, "new")], revisions, now);
  assert.deepEqual([half.currentRevision, half.currentReplicas, half.updatedReplicas], ["old", 1, 2]);
  const done = statefulStatus(set(), [pod(0, "new"), pod(1, "new"), pod(2, "new")], revisions, now);
  assert.deepEqual([done.currentRevision, done.currentReplicas], ["new", 3]);
});
