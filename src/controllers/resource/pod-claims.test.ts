import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import type { ResourceClaim } from "../../api/types/resource-v1.gen.ts";
import { claimObject, notForPod } from "../../api/resource/pod-claims.ts";
import { claimNames, generateName, isDone } from "./pod-claims.ts";

const pod = (status: object = {}, metadata: object = {}, nodeName?: string): Pod =>
  ({
    metadata: { namespace: "ns", name: "p", uid: "u", ...metadata },
    spec: {
      nodeName,
      resourceClaims: [
        { name: "shared", resourceClaimName: "one" },
        { name: "own", resourceClaimTemplateName: "t" },
      ],
    },
    status,
  }) as unknown as Pod;
const own = { name: "own", resourceClaimTemplateName: "t" };

test("a claim from a template is missing until the status names it, and may be found unneeded", () => {
  assert.equal(claimObject(pod(), own), "missing");
  assert.equal(claimObject(pod({ resourceClaimStatuses: [{ name: "own" }] }), own), "unneeded");
  assert.deepEqual(claimObject(pod({ resourceClaimStatuses: [{ name: "own", resourceClaimName: "p-own-x" }] }), own), { name: "p-own-x", own: true });
  assert.deepEqual(claimObject(pod(), { name: "shared", resourceClaimName: "one" }), { name: "one", own: false });
  assert.throws(() => claimObject(pod(), { name: "odd" }), /pod "ns\/p", spec.resourceClaim "odd": none of the supported fields are set/);
});

test("a pod knows its claims by name, those for extended resources too", () => {
  const status = { resourceClaimStatuses: [{ name: "own", resourceClaimName: "p-own-x" }], extendedResourceClaimStatus: { resourceClaimName: "extended" } };
  assert.deepEqual(claimNames(pod(status)), ["one", "p-own-x", "extended"]);
});

test("a claim that another pod owns is not this one's", () => {
  const claim = { metadata: { namespace: "ns", name: "c", ownerReferences: [{ uid: "v", controller: true }] } } as unknown as ResourceClaim;
  assert.equal(notForPod(pod(), claim), "ResourceClaim ns/c was not created for Pod ns/p (Pod is not owner)");
});

test("names leave room for what the server adds", () => {
  assert.equal(generateName("web", "gpu"), "web-gpu-");
  assert.ok(generateName("p".repeat(80), "c".repeat(40)).length <= 57);
});

test("a pod is done when it has ended, or was deleted before it was placed", () => {
  assert.equal(isDone(pod({ phase: "Succeeded" }, {}, "n")), true);
  assert.equal(isDone(pod({}, { deletionTimestamp: "t" })), true);
  assert.equal(isDone(pod({}, { deletionTimestamp: "t" }, "n")), false);
});
