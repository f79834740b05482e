import assert from "node:assert/strict";
import { test } from "node:test";
import { deepEqual } from "./copy.ts";

const read = (text: string): unknown => JSON.parse(text);

test("values are equal by their own keys, whatever every object inherits", () => {
  for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
    for (const value of ["{}", "null", "1", "[]"]) {
      const holding = `{"${name}":${value}}`;
      assert.equal(deepEqual(read(holding), read(holding)), true, holding);
      assert.equal(deepEqual(read(holding), {}), false, holding);
      assert.equal(deepEqual({}, read(holding)), false, holding);
      assert.equal(deepEqual(read(holding), read('{"a":{}}')), false, holding);
    }
  }
  assert.equal(deepEqual({ a: undefined, b: [1, { c: null }] }, { b: [1, { c: null }] }), true);
  assert.equal(deepEqual({ a: null }, {}), false);
  assert.equal(deepEqual({ a: [] }, { a: {} }), false);
  assert.equal(deepEqual({ a: 1 }, { a: "1" }), false);
});
