import assert from "node:assert/strict";
import { test } from "node:test";
import { unstructuredMismatch } from "./unstructured.ts";

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
