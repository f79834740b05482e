import assert from "node:assert/strict";
import { test } from "node:test";
import { parseTime } from "../../api/time.ts";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import type { DeviceToleration, ResourceClaim, ResourceSlice } from "../../api/types/resource-v1.gen.ts";
import { claimDeadline, type Devices, podDeadline } from "./device-taints.ts";

const added = "2026-01-01T00:00:00Z";
const at = (seconds: number): number => parseTime(added) + seconds * 1000;
const slice = (generation: number, ...taints: object[]): ResourceSlice =>
  ({ spec: { driver: "d", pool: { name: "p", generation, resourceSliceCount: 1 }, devices: [{ name: "gpu", taints }] } }) as unknown as ResourceSlice;
const broken = { key: "broken", value: "yes", effect: "NoExecute", timeAdded: added };
const claim = (tolerations: DeviceToleration[] = [], reservedFor: object[] = [{ resource: "pods", name: "p", uid: "u" }]): ResourceClaim =>
  ({
    metadata: { namespace: "ns", name: "c" },
    status: { allocation: { devices: { results: [{ request: "r", driver: "d", pool: "p", device: "gpu", tolerations }] } }, reservedFor },
  }) as unknown as ResourceClaim;
const pod = (spec: object = {}): Pod =>
  ({
    metadata: { namespace: "ns", name: "p", uid: "u" },
    spec: { nodeName: "n", resourceClaims: [{ name: "x", resourceClaimName: "c" }], ...spec },
  }) as unknown as Pod;
const world = (one: ResourceClaim, ...slices: ResourceSlice[]): Devices => ({ claim: () => one, slices: () => slices });
const deadline = (tolerations: DeviceToleration[], ...slices: ResourceSlice[]): number | undefined =>
  claimDeadline(claim(tolerations), world(claim(), ...slices));
const tolerate = (more: Partial<DeviceToleration>): DeviceToleration => ({ key: "broken", operator: "Exists", effect: "NoExecute", ...more });

test("a device with a NoExecute taint has to be left when it was tainted", () => {
  assert.equal(deadline([], slice(1, broken)), at(0));
  assert.equal(deadline([], slice(1, { ...broken, effect: "NoSchedule" })), undefined);
  assert.equal(deadline([], slice(1)), undefined);
});

test("tolerations put it off, the shortest counts, one without end for ever", () => {
  assert.equal(deadline([tolerate({ tolerationSeconds: 60 }), tolerate({ tolerationSeconds: 30 })], slice(1, broken)), at(30));
  assert.equal(deadline([tolerate({})], slice(1, broken)), undefined);
  assert.equal(deadline([tolerate({ operator: "Equal", value: "no" })], slice(1, broken)), at(0));
  assert.equal(deadline([tolerate({ operator: "Equal", value: "yes" })], slice(1, broken)), undefined);
  assert.equal(deadline([tolerate({ key: "other" })], slice(1, broken)), at(0));
});

test("only the newest generation of a pool counts", () => {
  assert.equal(deadline([], slice(1, broken), slice(2)), undefined);
  assert.equal(deadline([], slice(1), slice(2, broken)), at(0));
});

test("only the pod that runs and for which the claim is reserved has to go", () => {
  assert.equal(podDeadline(pod(), world(claim(), slice(1, broken))), at(0));
  assert.equal(podDeadline(pod({ nodeName: undefined }), world(claim(), slice(1, broken))), undefined);
  assert.equal(podDeadline(pod(), world(claim([], []), slice(1, broken))), undefined);
});
