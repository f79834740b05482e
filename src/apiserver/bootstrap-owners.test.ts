import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { TestServer } from "./assembled.fixture.ts";

const server = new TestServer();
before(() => server.start());
after(() => server[Symbol.asyncDispose]());

const owners = async (path: string) =>
  (await server.answer("GET", path)).metadata.managedFields?.map(({ manager, operation, subresource, fieldsV1 }) => ({
    manager,
    operation,
    ...(subresource ? { subresource } : {}),
    fieldsV1,
  }));

test("what a server makes at its start is owned by it, but for what strategies add", async () => {
  const labels = { "f:labels": { ".": {}, "f:kubernetes.io/metadata.name": {} } };
  assert.deepEqual(await owners("/api/v1/namespaces/default"), [{ manager: "kube-apiserver", operation: "Update", fieldsV1: { "f:metadata": labels } }]);
  const [service] = (await owners("/api/v1/namespaces/default/services/kubernetes")) ?? [];
  const { "f:spec": fields = {} } = (service?.fieldsV1 ?? {}) as { "f:spec"?: object };
  assert.deepEqual(Object.keys(fields), ["f:clusterIP", "f:internalTrafficPolicy", "f:ipFamilyPolicy", "f:ports", "f:sessionAffinity", "f:type"]);
});

test("a status is owned by the part that applies it, and an empty reason by nobody", async () => {
  const condition = { ".": {}, "f:lastTransitionTime": {}, "f:message": {}, "f:status": {}, "f:type": {} };
  assert.deepEqual(await owners("/apis/networking.k8s.io/v1/servicecidrs/kubernetes"), [
    {
      manager: "kubernetes-service-cidr-controller",
      operation: "Apply",
      subresource: "status",
      fieldsV1: { "f:status": { "f:conditions": { 'k:{"type":"Ready"}': condition } } },
    },
    { manager: "kube-apiserver", operation: "Update", fieldsV1: { "f:spec": { "f:cidrs": {} } } },
  ]);
});

test("who applies other rules to a role of the server is told whose they are", async () => {
  const path = "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:basic-user";
  const role = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", metadata: { name: "system:basic-user" }, rules: [] };
  const refused = await server.answer("PATCH", `${path}?fieldManager=m`, role, "application/apply-patch+yaml");
  assert.deepEqual(
    [refused.http, refused.message],
    [409, 'Apply failed with 1 conflict: conflict with "kube-apiserver" using rbac.authorization.k8s.io/v1: .rules'],
  );
});
