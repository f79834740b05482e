import assert from "node:assert/strict";
import { test } from "node:test";
import { typeByName } from "../schema/schema.ts";
import { convertUnstructured, unstructuredMismatch } from "./unstructured.ts";

test("a value that converts by reflection is refused in the converter's words", () => {
  assert.equal(unstructuredMismatch("core/v1.ConfigMap", { data: { a: -3 } }), "cannot convert int64 to string");
  assert.equal(unstructuredMismatch("core/v1.ConfigMap", { data: { a: {} } }), "unrecognized type: string");
  assert.equal(unstructuredMismatch("core/v1.ConfigMap", { data: [] }), "cannot restore map from slice");
  assert.equal(unstructuredMismatch("core/v1.ConfigMap", { metadata: "x" }), "cannot restore struct from: string");
  assert.equal(unstructuredMismatch("core/v1.Pod", { spec: { containers: "x" } }), "cannot restore slice from string");
  assert.equal(unstructuredMismatch("core/v1.ConfigMap", { immutable: 1 }), "unrecognized type: bool");
});

test("null fits everywhere", () => {
  assert.equal(unstructuredMismatch("core/v1.ConfigMap", { data: null, metadata: null }), undefined);
});

test("an integer that its field does not hold loses its high bits", () => {
  const { object } = convertUnstructured(typeByName("batch/v1.Job"), { status: { terminating: 1_000_000_000_000 } });
  assert.equal((object.status as { terminating: number }).terminating, -727_379_968);
});

test("free-form parts are written anew, their keys sorted", () => {
  const { object } = convertUnstructured(typeByName("apps/v1.ControllerRevision"), { data: { b: 1, a: { d: 1, c: 2 } }, revision: 1 });
  assert.equal(JSON.stringify(object.data), '{"a":{"c":2,"d":1},"b":1}');
});

test("paths of unknown fields leave out the keys of maps", () => {
  const value = { spec: { devices: [{ attributes: { ok: { a: 1 }, model: { string: "x" } }, b: 2 }] } };
  const { unknown } = convertUnstructured(typeByName("resource/v1.ResourceSlice"), value);
  assert.deepEqual(unknown, [`unknown field "spec.devices[0].attributes.a"`, `unknown field "spec.devices[0].b"`]);
});
