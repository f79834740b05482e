import assert from "node:assert/strict";
import { test } from "node:test";
import type { PersistentVolumeClaim, Pod } from "../../api/types/core-v1.gen.ts";
import { claimsToMake } from "./ephemeral-volume.ts";

const spec = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
const pod = {
  metadata: { namespace: "ns", name: "web", uid: "u" },
  spec: {
    volumes: [
      { name: "plain", emptyDir: {} },
      { name: "scratch", ephemeral: { volumeClaimTemplate: { metadata: { labels: { a: "b" } }, spec } } },
    ],
  },
} as unknown as Pod;
const owned = (uid: string): PersistentVolumeClaim =>
  ({ metadata: { namespace: "ns", name: "web-scratch", ownerReferences: [{ uid, controller: true }] } }) as unknown as PersistentVolumeClaim;

test("the claim of an ephemeral volume bears the names of pod and volume and is owned by the pod", () => {
  const [made, ...others] = claimsToMake(pod, () => undefined);
  assert.deepEqual(others, []);
  assert.equal(made?.foreign, undefined);
  assert.deepEqual(made?.claim, {
    metadata: {
      name: "web-scratch",
      labels: { a: "b" },
      ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: "web", uid: "u", controller: true, blockOwnerDeletion: true }],
    },
    spec,
  });
});

test("a claim that exists is left alone; one of somebody else is a conflict", () => {
  assert.deepEqual(
    claimsToMake(pod, () => owned("u")),
    [],
  );
  assert.equal(claimsToMake(pod, () => owned("other"))[0]?.foreign, "PVC ns/web-scratch was not created for pod ns/web (pod is not owner)");
});
