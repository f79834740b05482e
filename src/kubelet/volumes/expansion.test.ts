import assert from "node:assert/strict";
import { test } from "node:test";
import type { PersistentVolume, PersistentVolumeClaim } from "../../api/types/core-v1.gen.ts";
import { failed, finished, pendingExpansion } from "./expansion.ts";

const claim = (status: object, accessModes = ["ReadWriteOnce"], annotations = {}): PersistentVolumeClaim =>
  ({ metadata: { name: "c", resourceVersion: "7", annotations }, spec: { accessModes }, status }) as unknown as PersistentVolumeClaim;
const volume = (storage: string): PersistentVolume => ({ metadata: { name: "v" }, spec: { capacity: { storage } } }) as unknown as PersistentVolume;

test("the node acts when the claim says that it is its turn", () => {
  const waiting = { capacity: { storage: "1Gi" }, allocatedResources: { storage: "2Gi" }, allocatedResourceStatuses: { storage: "NodeResizePending" } };
  assert.deepEqual(pendingExpansion(claim(waiting), volume("2Gi")), { size: "2Gi", alreadyTold: false });
  assert.equal(pendingExpansion(claim({ ...waiting, allocatedResourceStatuses: { storage: "ControllerResizeInProgress" } }), volume("2Gi")), undefined);
  assert.equal(pendingExpansion(claim({ ...waiting, allocatedResourceStatuses: { storage: "NodeResizeInfeasible" } }), volume("2Gi")), undefined);
  assert.equal(pendingExpansion(claim({ ...waiting, allocatedResourceStatuses: undefined }), volume("2Gi")), undefined);
  assert.equal(pendingExpansion(claim(waiting), volume("1024Mi")), undefined);
});

test("a resizer that says nothing about allocation is believed by the volume's size", () => {
  assert.deepEqual(pendingExpansion(claim({ capacity: { storage: "1Gi" } }), volume("2Gi")), { size: "2Gi", alreadyTold: false });
});

test("a volume of several nodes grows on each of them, though the claim has been told", () => {
  const told = { capacity: { storage: "2Gi" }, allocatedResources: { storage: "2Gi" } };
  assert.deepEqual(pendingExpansion(claim(told, ["ReadWriteMany"]), volume("2Gi"), "1Gi"), { size: "2Gi", alreadyTold: true });
  assert.equal(
    pendingExpansion(claim(told, ["ReadWriteMany"], { "volume.kubernetes.io/node-expansion-not-required": "yes" }), volume("2Gi"), "1Gi"),
    undefined,
  );
  assert.equal(pendingExpansion(claim(told), volume("2Gi"), "1Gi"), undefined);
});

test("what came of it is written without touching what others have said", () => {
  const before = claim({
    conditions: [
      { type: "FileSystemResizePending", status: "True" },
      { type: "ModifyVolume", status: "True" },
    ],
  });
  assert.deepEqual(finished(before, "2Gi"), {
    metadata: { resourceVersion: "7" },
    status: { capacity: { storage: "2Gi" }, conditions: [{ type: "ModifyVolume", status: "True" }], allocatedResourceStatuses: null },
  });
  const { status } = failed(before, "no", true, "t") as { status: { conditions: object[]; allocatedResourceStatuses: object } };
  assert.deepEqual(status.conditions.at(-1), { type: "NodeResizeError", status: "True", lastTransitionTime: "t", message: "failed to expand pvc with no" });
  assert.deepEqual(status.allocatedResourceStatuses, { storage: "NodeResizeInfeasible" });
});
