import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../../api/object.ts";
import { Graph } from "./graph.ts";

const type = { apiVersion: "v1", kind: "Pod" };
const object = (name: string, owners: { uid: string; name?: string; block?: boolean }[] = [], more: object = {}, namespace = "ns"): KubeObject =>
  ({
    metadata: {
      name,
      uid: name,
      namespace,
      ownerReferences: owners.map(({ uid, name: ownerName = uid, block }) => ({ ...type, name: ownerName, uid, blockOwnerDeletion: block })),
      ...more,
    },
  }) as unknown as KubeObject;

function watched() {
  const asked: string[] = [];
  const graph = new Graph({
    attemptToDelete: ({ identity }) => asked.push(`delete ${identity.uid}`),
    attemptToOrphan: ({ identity }) => asked.push(`orphan ${identity.uid}`),
    invalidNamespace: ({ identity }, { uid }) => asked.push(`invalid ${identity.uid}>${uid}`),
  });
  return { graph, take: () => asked.splice(0) };
}

test("an owner that is only referred to is looked up, and its absence condemns its dependents", () => {
  const { graph, take } = watched();
  graph.observed(undefined, object("child", [{ uid: "parent" }]), type);
  assert.deepEqual(take(), ["delete parent"]);
  const parent = graph.nodes.get("parent");
  assert.equal(parent?.virtual, true);
  graph.absent(parent?.identity as NonNullable<typeof parent>["identity"]);
  assert.deepEqual(take(), ["delete child"]);
  assert.equal(graph.nodes.has("parent"), false);
});

test("a deleted owner condemns its dependents, and a deleted dependent frees an owner that waits for it", () => {
  const { graph, take } = watched();
  graph.observed(undefined, object("parent"), type);
  graph.observed(undefined, object("child", [{ uid: "parent", block: true }]), type);
  assert.deepEqual(take(), []);
  graph.observed(object("parent"), object("parent", [], { deletionTimestamp: "t", finalizers: ["foregroundDeletion"] }), type);
  assert.deepEqual(take(), ["delete child", "delete parent"]);
  graph.deleted("child");
  assert.deepEqual(take(), ["delete parent"]);
  graph.observed(undefined, object("other", [{ uid: "parent" }]), type);
  take();
  graph.deleted("parent");
  assert.deepEqual(take(), ["delete other"]);
});

test("orphaning is asked for once, when the deletion begins", () => {
  const { graph, take } = watched();
  const ending = object("parent", [], { deletionTimestamp: "t", finalizers: ["orphan"] });
  graph.observed(object("parent"), ending, type);
  graph.observed(ending, ending, type);
  assert.deepEqual(take(), ["orphan parent"]);
});

test("a reference into another namespace is reported and its bearer looked at", () => {
  const { graph, take } = watched();
  graph.observed(undefined, object("parent", [], {}, "one"), type);
  graph.observed(undefined, object("child", [{ uid: "parent" }], {}, "two"), type);
  assert.deepEqual(take(), ["invalid child>parent", "delete child"]);
});

test("a wrong reference that proves absent does not take the real object out of the graph", () => {
  const { graph, take } = watched();
  graph.observed(undefined, object("real"), type);
  graph.observed(undefined, object("good", [{ uid: "real" }]), type);
  graph.observed(undefined, object("bad", [{ uid: "real", name: "wrong" }]), type);
  assert.deepEqual(take(), ["delete bad"]);
  graph.absent({ ...type, namespace: "ns", name: "wrong", uid: "real" });
  assert.deepEqual(take(), ["delete bad"]);
  assert.equal(graph.nodes.get("real")?.virtual, false);
});

test("dependents that disagree about an unseen owner each get their turn", () => {
  const { graph, take } = watched();
  graph.observed(undefined, object("one", [{ uid: "x", name: "alpha" }]), type);
  graph.observed(undefined, object("two", [{ uid: "x", name: "beta" }]), type);
  take();
  const first = graph.nodes.get("x")?.identity;
  assert.equal(first?.name, "alpha");
  graph.absent(first as NonNullable<typeof first>);
  assert.equal(graph.nodes.get("x")?.identity.name, "beta");
  assert.deepEqual(take(), ["delete one", "delete x"]);
});
