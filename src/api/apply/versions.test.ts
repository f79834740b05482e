/** Ownership of custom resources whose versions and schemas differ, as upstream keeps it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JSONObject } from "../json.ts";
import type { ManagedFieldsEntry } from "../types/meta-v1.gen.ts";
import { applyServerSide } from "./apply.ts";
import { type Operation, trackUpdate, Unconvertible } from "./managed-fields.ts";
import { schemaAtom } from "./schema-atom.ts";

const schema = (spec: JSONObject): JSONObject => ({
  type: "object",
  properties: { spec: { type: "object", properties: spec }, status: { type: "object", properties: { n: { type: "integer" } } } },
});
const one = schemaAtom(schema({ a: { type: "string" } }));
const two = schemaAtom(schema({ b: { type: "string" } }));
const entry = { manager: "m", operation: "Update", apiVersion: "x/v2", time: "2026-01-01T00:00:00Z", fieldsType: "FieldsV1" } as ManagedFieldsEntry;
const object = (spec: JSONObject, fieldsV1: JSONObject, more: JSONObject = {}): JSONObject => ({
  apiVersion: "x/v1",
  kind: "X",
  metadata: { name: "a", uid: "u", managedFields: [{ ...entry, fieldsV1 }] as unknown as JSONObject[] },
  spec,
  ...more,
});
const operation: Operation = {
  manager: "n",
  apiVersion: "x/v1",
  time: "2026-01-02T00:00:00Z",
  changeable: true,
  convert: (given, apiVersion) => {
    if (apiVersion !== "x/v2") throw new Unconvertible("request to convert CR to an invalid group/version: x/v3");
    return { type: two, object: { ...given, apiVersion } };
  },
};
const managed = (of: JSONObject): unknown => (of.metadata as JSONObject).managedFields;

test("an entry of a version that is gone takes all entries of an update with it, and fails an apply", () => {
  const old = object({ a: "1" }, { "f:spec": { "f:a": {} } });
  (((old.metadata as JSONObject).managedFields as JSONObject[])[0] as JSONObject).apiVersion = "x/v3";
  assert.equal(managed(trackUpdate(one, old, { ...old, spec: { a: "2" } }, operation)), undefined);
  const applied = { apiVersion: "x/v1", kind: "X", metadata: { name: "a" }, spec: { a: "3" } };
  assert.throws(
    () => applyServerSide(one, old, applied, { ...operation, kind: "X" }),
    /^StatusError: request to convert CR to an invalid group\/version: x\/v3/,
  );
});

test("entries that a client brings of a version in which its object cannot be shown leave no owners", () => {
  const old = object({ a: "1" }, { "f:spec": { "f:a": {} } });
  const next = object({ a: "2" }, { "f:spec": { "f:a": {} }, "f:status": {} });
  const narrow: Operation["convert"] = () => {
    throw new Unconvertible(".spec.a: field not declared in schema");
  };
  assert.equal(managed(trackUpdate(one, old, next, { ...operation, convert: narrow })), undefined);
});

test("what does not have the shape of its schema any more has no owners after a write", () => {
  const old = object({ a: { was: "a map" } }, { "f:spec": { "f:a": {} } });
  assert.equal(managed(trackUpdate(one, old, { ...old, spec: { a: { was: "a map" } }, status: { n: 1 } }, operation)), undefined);
});

test("a subresource is passed over in the version that has it, not in the versions of others", () => {
  const old = object({ a: "1" }, { "f:status": { "f:n": {} } }, { status: { n: 1 } });
  const next = { ...old, status: { n: 2 } };
  assert.equal(managed(trackUpdate(one, old, next, { ...operation, resetFields: ["status"] })), undefined);
});

test("a write of a status takes nothing of the spec from others, in versions that have a status as well", () => {
  const old = object({ a: "1" }, { "f:spec": { "f:a": {} } });
  const next = { ...old, spec: { a: "2" }, status: { n: 1 } };
  const status: Operation = {
    ...operation,
    resetFields: ["spec", "metadata"],
    convert: (given, apiVersion) => ({ type: one, object: { ...given, apiVersion } }),
  };
  assert.equal((managed(trackUpdate(one, old, next, { ...status, resetsIn: () => ["spec", "metadata"] })) as unknown[]).length, 2);
  assert.equal((managed(trackUpdate(one, old, next, { ...status, resetsIn: () => [] })) as unknown[]).length, 1);
});

test("what was owned in parts is owned as one piece once it is one", () => {
  const list = schemaAtom(schema({ a: { type: "array", items: { type: "string" } } }));
  const old = object({ a: ["x"] }, { "f:spec": { "f:a": { 'v:"x"': {} } } });
  ((managed(old) as JSONObject[])[0] as JSONObject).apiVersion = "x/v1";
  const after = trackUpdate(list, old, { ...old, status: { n: 1 } }, operation);
  assert.deepEqual((managed(after) as ManagedFieldsEntry[]).find(({ manager }) => manager === "m")?.fieldsV1, { "f:spec": { "f:a": {} } });
});

test("what is applied no more is taken out in the version that it was applied in", () => {
  const live = object({ a: "1" }, { "f:spec": { "f:a": {} } });
  const [last] = managed(live) as ManagedFieldsEntry[];
  Object.assign(last as ManagedFieldsEntry, { operation: "Apply", manager: "n" });
  const applied = { apiVersion: "x/v1", kind: "X", metadata: { name: "a" }, spec: {} };
  const same: Operation["convert"] = (given, apiVersion) => ({ type: one, object: { ...given, apiVersion } });
  assert.deepEqual(applyServerSide(one, live, applied, { ...operation, kind: "X", convert: same }).spec, null);
  let asked = 0;
  const narrow: Operation["convert"] = (given, apiVersion) => {
    // The live object fits; what the merge makes of it does not.
    if (asked++ === 0) return { type: one, object: { ...given, apiVersion } };
    throw new Unconvertible(".spec.a: field not declared in schema");
  };
  assert.throws(
    () => applyServerSide(one, live, applied, { ...operation, kind: "X", convert: narrow }),
    /^StatusError: failed to prune fields: failed to convert merged object to last applied version: \.spec\.a: field not declared in schema$/,
  );
});
