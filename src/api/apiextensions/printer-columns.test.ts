import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../object.ts";
import { printerCells, printerColumns } from "./printer-columns.ts";

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
