/** Times that are there and zero, and owners of nothing. */
import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { TestServer } from "../assembled.fixture.ts";

const server = new TestServer();
before(() => server.start());
after(() => server[Symbol.asyncDispose]());
const answer = server.answer.bind(server);
const merge = "application/merge-patch+json";
const apply = "application/apply-patch+yaml";
const core = "/api/v1/namespaces/default";

test("a zero time where it may be absent is there, shown as null and owned until a patch reads it as absent", async () => {
  const leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
  type Lease = { spec: Record<string, unknown> };
  const zero = "0001-01-01T00:00:00.000000Z";
  const made = await answer("POST", `${leases}?fieldManager=m`, { metadata: { name: "zero" }, spec: { acquireTime: zero, renewTime: null } });
  assert.deepEqual((made as unknown as Lease).spec, { acquireTime: null });
  assert.deepEqual(made.metadata.managedFields?.[0]?.fieldsV1, { "f:spec": { "f:acquireTime": {} } });
  const unchanged = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { name: "zero" }, spec: { acquireTime: null } };
  assert.deepEqual(((await answer("PATCH", `${leases}/zero?fieldManager=n`, unchanged, apply)) as unknown as Lease).spec, { acquireTime: null });
  const patched = await answer("PATCH", `${leases}/zero`, { spec: { holderIdentity: "a" } }, merge);
  assert.deepEqual((patched as unknown as Lease).spec, { holderIdentity: "a" });
});

test("an entry of managed fields that owns nothing goes with the next write", async () => {
  const nothing = { manager: "x", operation: "Update", apiVersion: "v1", fieldsType: "FieldsV1", fieldsV1: {} };
  const made = await answer("POST", `${core}/configmaps`, { metadata: { name: "unowned", managedFields: [nothing] } });
  assert.equal(made.metadata.managedFields, undefined);
});
