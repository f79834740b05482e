import assert from "node:assert/strict";
import { test } from "node:test";
import type { JSONObject } from "../json.ts";
import { applyServerSide } from "./apply.ts";
import { wholeAtom } from "./atom.ts";
import { compare } from "./compare.ts";
import { shapeErrors } from "./fields-of.ts";
import { trackUpdate } from "./managed-fields.ts";
import { schemaAtom } from "./schema-atom.ts";

const text = { type: "string" };
const bars = schemaAtom({
  type: "object",
  properties: {
    spec: {
      type: "object",
      properties: {
        a: text,
        ports: {
          type: "array",
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["port", "protocol"],
          items: { type: "object", properties: { port: { type: "integer" }, protocol: { type: "string", default: "TCP" }, name: text } },
        },
        tags: { type: "array", "x-kubernetes-list-type": "set", items: text },
        plain: { type: "array", items: { type: "object", properties: { x: text } } },
        whole: { type: "object", "x-kubernetes-map-type": "atomic", properties: { x: text } },
        free: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
        either: { "x-kubernetes-int-or-string": true },
      },
    },
  },
});
const bar = (spec: JSONObject): JSONObject => ({ apiVersion: "j.io/v1", kind: "Bar", metadata: { name: "x", uid: "u" }, spec });
const operation = { apiVersion: "j.io/v1", kind: "Bar", time: "2026-01-01T00:00:00Z", manager: "m" };

test("custom resources are owned as their schema says", () => {
  const made = trackUpdate(
    bars,
    undefined,
    bar({ a: "1", ports: [{ port: 2, name: "n" }], tags: ["t"], plain: [{ x: "1" }], whole: { x: "1" }, free: { z: { y: [1] }, e: {} }, either: 5 }),
    operation,
  ) as { metadata: { managedFields: { fieldsV1: unknown }[] } };
  assert.deepEqual(made.metadata.managedFields[0]?.fieldsV1, {
    "f:spec": {
      ".": {},
      "f:a": {},
      "f:ports": { ".": {}, 'k:{"port":2,"protocol":"TCP"}': { ".": {}, "f:name": {}, "f:port": {} } },
      "f:tags": { ".": {}, 'v:"t"': {} },
      "f:plain": {},
      "f:whole": {},
      "f:free": { ".": {}, "f:z": { ".": {}, "f:y": {} }, "f:e": {} },
      "f:either": {},
    },
  });
});

test("an applied custom resource loses what its manager no longer applies, and nothing else", () => {
  const first = applyServerSide(
    bars,
    undefined,
    { ...bar({ a: "1", tags: ["x", "y"], ports: [{ port: 1 }, { port: 2 }] }), metadata: { name: "x" } },
    operation,
  );
  const other = trackUpdate(
    bars,
    first,
    { ...first, spec: { ...(first.spec as JSONObject), tags: ["x", "y", "z"], free: { k: 1 } } },
    { ...operation, manager: "o" },
  );
  const second = applyServerSide(bars, other, { ...bar({ tags: ["y"], ports: [{ port: 2, name: "n" }] }), metadata: { name: "x" } }, operation);
  assert.deepEqual(second.spec, { tags: ["y", "z"], ports: [{ port: 2, name: "n" }], free: { k: 1 } });
});

test("documents that do not fit the schema are refused with the path of what is wrong", () => {
  const refuse = (spec: JSONObject, message: RegExp): void =>
    assert.throws(() => applyServerSide(bars, undefined, { ...bar(spec), metadata: { name: "x" } }, operation), message);
  refuse(
    { zz: 1 },
    /^Error: failed to create typed patch object \(\/x; j\.io\/v1, Kind=Bar\): \.spec\.zz: field not declared in schema$|\.spec\.zz: field not declared in schema/,
  );
  refuse({ a: 1 }, /\.spec\.a: expected string, got &value\.valueUnstructured\{Value:1\}/);
  refuse({ tags: [1e20] }, /failed to create typed patch object \(\/x; j.io\/v1, Kind=Bar\): \.spec\.tags\[=1e\+20\]: expected string/);
  refuse({ ports: [{ port: 1 }, { port: 1, protocol: "TCP" }] }, /\.spec\.ports: duplicate entries for key \[port=1,protocol="TCP"\]/);
});

test("what may be of any type merges as the value that it is; texts of a format may be any scalar; resources have no free fields", () => {
  const either = schemaAtom({ type: "object", properties: { p: { "x-kubernetes-int-or-string": true }, f: { type: "string", format: "uuid" } } });
  const object = (more: JSONObject): JSONObject => ({ apiVersion: "x/v1", kind: "X", metadata: { name: "a" }, ...more });
  assert.deepEqual(shapeErrors(object({ p: { deep: [1] }, f: 5 }), wholeAtom(either)), []);
  assert.deepEqual(shapeErrors(object({ f: [] }), wholeAtom(either)), [".f: expected any scalar, got &{[]}"]);
  assert.deepEqual(shapeErrors(object({ spec: {} }), wholeAtom(schemaAtom({ type: "object" }))), [".spec: field not declared in schema"]);
  const known = schemaAtom({
    type: "object",
    properties: { any: { "x-kubernetes-preserve-unknown-fields": true, properties: { n: { type: "integer" } } } },
  });
  assert.deepEqual(shapeErrors(object({ any: { n: "x", more: 1 } }), wholeAtom(known)), [".any.n: expected numeric (int or float), got string"]);
  assert.deepEqual(shapeErrors(object({ any: [1] }), wholeAtom(known)), []);
});

test("a scalar that becomes a map is changed, and its fields are new; names that every object has are none", () => {
  const atom = wholeAtom(schemaAtom({ type: "object", properties: { any: { "x-kubernetes-preserve-unknown-fields": true } } }));
  assert.deepEqual(compare({ any: false }, { any: { a: { b: 1 } } }, atom).changed, { "f:any": { ".": {}, "f:a": { ".": {}, "f:b": {} } } });
  assert.deepEqual(compare({ any: { toString: 1, __x: 1 } }, { any: { __x: 1 } }, atom).removed, { "f:any": { "f:toString": {} } });
});
