import assert from "node:assert/strict";
import { test } from "node:test";
import { semanticEqual } from "./semantic.ts";

test("members that every object has of itself are no members", () => {
  for (const key of ["__proto__", "constructor", "toString"]) {
    const member = `"a": 1, ${JSON.stringify(key)}: {"type": "number"}`;
    const object: unknown = JSON.parse(`{${member}}`);
    assert.equal(semanticEqual(object, { a: 1 }), false, key);
    assert.equal(semanticEqual({ a: 1 }, object), false, key);
    assert.equal(semanticEqual(object, JSON.parse(`{${member}}`)), true, key);
  }
});
