import assert from "node:assert/strict";
import { test } from "node:test";
import { Fields } from "./fields.ts";

test("nothing is inherited, and any name is a name", () => {
  const fields = new Fields();
  assert.equal(fields.constructor, undefined);
  assert.equal(fields.toString, undefined);
  fields.__proto__ = "a";
  fields.constructor = "b";
  assert.deepEqual(Object.entries(fields), [
    ["__proto__", "a"],
    ["constructor", "b"],
  ]);
  assert.equal(Object.getPrototypeOf(Object.getPrototypeOf(fields)), null);
});
