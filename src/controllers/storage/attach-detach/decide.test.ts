import assert from "node:assert/strict";
import { test } from "node:test";
import type { VolumeAttachment } from "../../../api/types/storage-v1.gen.ts";
import { attachProgress, backoff, type DetachState, detachProgress, driverTimeout, maxWaitForUnmount, mayDetach, multiAttachReason } from "./decide.ts";

const free: DetachState = { mounted: false, ready: true, outOfService: false, unwanted: 0, forceOnTimeout: true };
const late = maxWaitForUnmount + 1;
const attachment = (status: object, metadata: object = {}): VolumeAttachment =>
  ({ metadata, status: { attached: false, ...status } }) as unknown as VolumeAttachment;

test("a volume that the node does not use is detached, after asking it once more", () => {
  assert.deepEqual(mayDetach(free), { detach: true, verify: true });
});

test("a volume in use stays, on a node that answers for ever", () => {
  assert.deepEqual(mayDetach({ ...free, mounted: true, unwanted: 1000 }), { detach: false, again: maxWaitForUnmount - 999 });
  assert.deepEqual(mayDetach({ ...free, mounted: true, unwanted: late }), { detach: false });
});

test("it is taken from a node that has not answered for six minutes, unless that is forbidden", () => {
  assert.deepEqual(mayDetach({ ...free, mounted: true, ready: false, unwanted: 1000 }).detach, false);
  assert.deepEqual(mayDetach({ ...free, mounted: true, ready: false, unwanted: late }), { detach: true, verify: false });
  assert.deepEqual(mayDetach({ ...free, mounted: true, ready: false, unwanted: late, forceOnTimeout: false }), { detach: false });
});

test("a node that is out of service loses it at once", () => {
  assert.deepEqual(mayDetach({ ...free, mounted: true, outOfService: true }), { detach: true, verify: false });
});

test("an attachment stands as its driver says, for two minutes", () => {
  assert.equal(attachProgress(undefined, "d", "h", 0), "waiting");
  assert.equal(attachProgress(attachment({ attached: true }), "d", "h", 0), "done");
  assert.deepEqual(attachProgress(attachment({ attachError: { message: "no" } }), "d", "h", 0), { failed: "no" });
  assert.deepEqual(attachProgress(attachment({ attached: true }, { deletionTimestamp: "t" }), "d", "h", 0), { failed: "volume attachment is being deleted" });
  assert.deepEqual(attachProgress(attachment({}), "d", "h", driverTimeout), {
    failed: "timed out waiting for external-attacher of d CSI driver to attach volume h",
  });
});

test("a detachment is done when its attachment is gone", () => {
  assert.equal(detachProgress(undefined, "h", 0), "done");
  assert.equal(detachProgress(attachment({ attached: true }), "h", 0), "waiting");
  assert.deepEqual(detachProgress(attachment({ detachError: { message: "busy" } }), "h", 0), { failed: "busy" });
});

test("attempts become rarer", () => {
  assert.deepEqual([1, 2, 3, 20].map(backoff), [500, 1000, 2000, 122_000]);
});

test("pods are told of pods in their own namespace only", () => {
  const users = [
    { namespace: "a", name: "one" },
    { namespace: "b", name: "two" },
  ];
  assert.equal(multiAttachReason([], "a"), "Volume is already exclusively attached to one node and can't be attached to another");
  assert.equal(multiAttachReason(users.slice(0, 1), "a"), "Volume is already used by pod(s) one");
  assert.equal(multiAttachReason(users, "a"), "Volume is already used by pod(s) one and 1 pod(s) in different namespaces");
  assert.equal(multiAttachReason(users, "c"), "Volume is already used by 2 pod(s) in different namespaces");
});
