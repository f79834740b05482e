import assert from "node:assert/strict";
import { test } from "node:test";
import { selectableField } from "./selectable-fields.ts";

const of = (groupResource: string, field: string): string => selectableField({ groupResource }, field);

test("fields are selectable as each version's conversion says, under the names of what is stored", () => {
  assert.equal(of("pods", "spec.host"), "spec.nodeName");
  assert.equal(of("events.events.k8s.io", "regarding.kind"), "involvedObject.kind");
  assert.equal(of("configmaps", "metadata.namespace"), "metadata.namespace");
  assert.equal(of("clusterroles.rbac.authorization.k8s.io", "metadata.namespace"), "metadata.namespace");
});

test("each kind refuses a field in its own words", () => {
  const cases: [string, string, string][] = [
    ["nodes", "metadata.namespace", "field label not supported: metadata.namespace"],
    ["events.events.k8s.io", "source", "field label not supported: source"],
    ["jobs.batch", "a", 'field label "a" not supported for Job'],
    ["resourceslices.resource.k8s.io", "a", "field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: a"],
    ["replicasets.apps", "status.replicas", '"status.replicas" is not a known field selector: only "metadata.name", "metadata.namespace"'],
  ];
  for (const [resource, field, message] of cases) assert.throws(() => of(resource, field), { message });
});
