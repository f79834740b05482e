import assert from "node:assert/strict";
import { test } from "node:test";
import { Fields } from "./fields.ts";

test("nothing is inherited, and any name is a name", () => {
  const fields: Record<string, string | undefined> = new Fields() as never;
  const set = (name: string, value: string): void => {
    fields[name] = value;
  };
  assert.equal(fields.constructor, undefined);
  assert.equal(fields.toString, undefined);
  set("__proto__", "a");
  set("constructor", "b");
  assert.deepEqual(Object.entries(fields), [
    ["__proto__", "a"],
    ["constructor", "b"],
  ]);
  assert.equal(Object.getPrototypeOf(Object.getPrototypeOf(fields)), null);
});
