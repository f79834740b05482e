import assert from "node:assert/strict";
import { test } from "node:test";
import type { AuthorizationAttributes } from "./authorizer.ts";
import { MemoryReader } from "./memory-reader.fixture.ts";
import { NodeAuthorizer } from "./node.ts";
import { NodeGraph } from "./node-graph.ts";

const pod = (name: string, nodeName: string, more: object = {}) => ({
  metadata: { name, namespace: "a", uid: `u-${name}` },
  spec: {
    nodeName,
    serviceAccountName: "sa",
    containers: [{ name: "c", envFrom: [{ secretRef: { name: "env" } }] }],
    volumes: [
      { name: "v", persistentVolumeClaim: { claimName: "claim" } },
      { name: "w", projected: { sources: [{ configMap: { name: "cm" } }] } },
    ],
    ...more,
  },
});

function ask(node: NodeAuthorizer, verb: string, resource: string, name = "", more: Partial<AuthorizationAttributes> = {}) {
  const user = { name: "system:node:n1", groups: ["system:nodes"] };
  const base = { user, verb, isResource: true, group: "", version: "v1", resource, subresource: "", namespace: "a", name, path: "" };
  return node.authorize({ ...base, ...more });
}

test("a kubelet sees what the pods bound to its node name, and loses it with them", () => {
  const reader = new MemoryReader().put("persistentvolumes", {
    metadata: { name: "pv" },
    spec: { claimRef: { namespace: "a", name: "claim" }, csi: { driver: "d", volumeHandle: "h", nodeStageSecretRef: { name: "stage", namespace: "b" } } },
  });
  const node = new NodeAuthorizer({ graph: new NodeGraph(reader), rules: [] });
  const seen = (): string[] =>
    [
      ["get", "secrets", "env"],
      ["watch", "configmaps", "cm"],
      ["get", "persistentvolumeclaims", "claim"],
      ["get", "persistentvolumes", "pv", { namespace: "" }],
      ["get", "secrets", "stage", { namespace: "b" }],
      ["create", "serviceaccounts", "sa", { subresource: "token" }],
      ["get", "pods", "p"],
    ].flatMap(([verb, resource, name, more]) =>
      ask(node, verb as string, resource as string, name as string, more as object).decision === "allow" ? [resource as string] : [],
    );
  assert.deepEqual(seen(), []);
  reader.put("pods", pod("p", ""));
  assert.deepEqual(seen(), []);
  reader.put("pods", pod("p", "n1"), pod("q", "n1"));
  assert.equal(seen().length, 7);
  reader.remove("pods", "a", "p");
  assert.equal(seen().length, 6);
  reader.remove("pods", "a", "q");
  assert.deepEqual(seen(), []);
  reader.put("pods", pod("p", "n2"));
  assert.deepEqual(ask(node, "get", "secrets", "env"), { decision: "no-opinion", reason: "no relationship found between node 'n1' and this object" });
});

test("a mirror pod opens nothing but itself", () => {
  const mirror = pod("m", "n1");
  const reader = new MemoryReader().put("pods", { ...mirror, metadata: { ...mirror.metadata, annotations: { "kubernetes.io/config.mirror": "x" } } });
  const node = new NodeAuthorizer({ graph: new NodeGraph(reader), rules: [] });
  assert.equal(ask(node, "get", "pods", "m").decision, "allow");
  assert.equal(ask(node, "get", "secrets", "env").decision, "no-opinion");
});

test("an ephemeral container that names a secret opens it", () => {
  const reader = new MemoryReader().put("pods", pod("p", "n1"));
  const node = new NodeAuthorizer({ graph: new NodeGraph(reader), rules: [] });
  assert.equal(ask(node, "get", "secrets", "debug").decision, "no-opinion");
  reader.put("pods", pod("p", "n1", { ephemeralContainers: [{ name: "e", envFrom: [{ secretRef: { name: "debug" } }] }] }));
  assert.equal(ask(node, "get", "secrets", "debug").decision, "allow");
});

test("lists of pods need the selector of the own node", () => {
  const node = new NodeAuthorizer({ graph: new NodeGraph(new MemoryReader()), rules: [] });
  const on = (value: string) => ({ fieldSelector: [{ field: "spec.nodeName", operator: "=" as const, value }] });
  assert.equal(ask(node, "list", "pods", "", on("n1")).decision, "allow");
  assert.deepEqual(ask(node, "watch", "pods", "", on("n2")), { decision: "no-opinion", reason: "can only list/watch pods with spec.nodeName field selector" });
  assert.equal(ask(node, "list", "secrets").reason, "No Object name found");
});
