import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../object.ts";
import { printerCells, printerColumns, printerReads } from "./printer-columns.ts";

test("a column of text shows null as Go's templates do, and a number that is too large as a float", () => {
  const cells = printerCells([
    { name: "N", type: "string", jsonPath: ".spec.null" },
    { name: "F", type: "string", jsonPath: ".spec.large" },
    { name: "I", type: "integer", jsonPath: ".spec.null" },
    { name: "M", type: "string", jsonPath: ".spec.map" },
    { name: "G", type: "string", jsonPath: ".spec.gone" },
  ]);
  const object = { metadata: { name: "a" }, spec: { null: null, large: 1e20, map: { b: 1, a: [] } } } as unknown as KubeObject;
  assert.deepEqual(cells(object, 0), ["a", "<no value>", "1e+20", null, '{"a":[],"b":1}', null]);
});

test("a path with a word that means nothing is a column all the same, of nothing", () => {
  const columns = [
    { name: "S", type: "string", jsonPath: ".spec['a b']" },
    { name: "N", type: "string", jsonPath: ".metadata.name" },
  ];
  assert.deepEqual(
    printerColumns(columns).map(({ name }) => name),
    ["Name", "S", "N"],
  );
  const object = { metadata: { name: "x" }, spec: { "a b": 1, a: 2 } } as unknown as KubeObject;
  assert.deepEqual(printerCells(columns)(object, 0), ["x", null, "x"]);
});

test("what cells show is known by the beginnings of their paths", () => {
  const reads = (...paths: string[]): unknown => printerReads(paths.map((jsonPath) => ({ name: "c", type: "string", jsonPath })));
  const name = { name: true };
  assert.deepEqual(reads(".spec.a", '.status.conditions[?(@.type=="Ready")].status', ".spec.b.c"), {
    metadata: name,
    spec: { a: true, b: true },
    status: { conditions: true },
  });
  assert.deepEqual(reads(".spec.a", ".spec", ".spec.b"), { metadata: name, spec: true });
  assert.deepEqual(reads(".spec..a", ".metadata.labels.x"), { metadata: { name: true, labels: true }, spec: true });
  assert.deepEqual(reads(), { metadata: { name: true, creationTimestamp: true } });
  assert.deepEqual(reads(".spec.a\\.b", ".spec.*"), { metadata: name, spec: true });
  for (const path of ["..a", "[*].a", ".*", ".a\\.b", "$.spec", '"a"', ".spec a"]) assert.equal(reads(".spec.x", path), undefined, path);
});
