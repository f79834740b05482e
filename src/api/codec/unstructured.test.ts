import assert from "node:assert/strict";
import { test } from "node:test";
import { typeByName } from "../schema/schema.ts";
import { changedPart, convertUnstructured, unstructuredMismatch } from "./unstructured.ts";

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

test("of an object made of another only what they do not share is converted, and the whole is as a conversion of all makes it", () => {
  const type = typeByName("core/v1.Pod");
  const { object: current } = convertUnstructured(type, {
    status: { phase: "Pending" },
    spec: { nodeName: "n", containers: [{ image: "i", name: "c" }] },
    metadata: { labels: { b: "1", a: "2" }, name: "p" },
    kind: "Pod",
    apiVersion: "v1",
  });
  const value = { ...current, status: { phase: "Running", podIPs: [], unknown: 1 } };
  const { changed, whole } = changedPart(type, value, current);
  assert.deepEqual(Object.keys(changed).sort(), ["apiVersion", "kind", "status"]);
  const part = convertUnstructured(type, changed);
  const all = convertUnstructured(type, value);
  assert.deepEqual(part.unknown, all.unknown);
  const made = whole(part.object);
  assert.deepEqual(made, all.object);
  assert.deepEqual(Object.keys(made), Object.keys(all.object));
  assert.equal(changedPart(type, { ...current, spec: { containers: 1 } }, current).changed.spec !== undefined, true);
});

test("a number that int64 does not hold is a float, of which an integer is the least there is, and a text nothing", () => {
  const port = convertUnstructured(typeByName("core/v1.Endpoints"), { subsets: [{ ports: [{ port: 1e21 }] }] }).object;
  assert.deepEqual(port.subsets, [{ ports: [{ port: 0 }] }]);
  assert.equal(convertUnstructured(typeByName("apps/v1.ControllerRevision"), { revision: 1e21 }).object.revision, -(2n ** 63n));
  assert.equal(unstructuredMismatch("core/v1.ObjectReference", { kind: 1e21 }), "unrecognized type: string");
  assert.equal(unstructuredMismatch("core/v1.ObjectReference", { kind: 7 }), "cannot convert int64 to string");
});
