import assert from "node:assert/strict";
import { test } from "node:test";
import type { Deployment, ReplicaSet } from "../../api/types/apps-v1.gen.ts";
import { byRevision, nextRevision, setAnnotations } from "./deployment-revision.ts";

const set = (revision?: string): ReplicaSet =>
  ({ metadata: { name: "s", annotations: revision === undefined ? {} : { "deployment.kubernetes.io/revision": revision } } }) as unknown as ReplicaSet;
const deployment = { metadata: { name: "d" } } as unknown as Deployment;

test("revisions beyond 2^53 are counted exactly", () => {
  assert.equal(nextRevision([set("3546343826724305832"), set("7")]), 3546343826724305833n);
  assert.equal(setAnnotations(deployment, {}, 3546343826724305833n)["deployment.kubernetes.io/revision"], "3546343826724305833");
});
test("sets are in the order of their revisions; one without or with a broken one comes first", () => {
  assert.deepEqual(
    [set("10"), set("x"), set("9"), set()].toSorted(byRevision).map((s) => s.metadata.annotations?.["deployment.kubernetes.io/revision"]),
    ["x", undefined, "9", "10"],
  );
});
test("a set that becomes the newest again keeps its earlier revision in its history", () => {
  const annotations = setAnnotations(deployment, { "deployment.kubernetes.io/revision": "1" }, 3n);
  assert.equal(annotations["deployment.kubernetes.io/revision"], "3");
  assert.equal(annotations["deployment.kubernetes.io/revision-history"], "1");
});
