import assert from "node:assert/strict";
import { test } from "node:test";
import { invalidValue, path } from "./field.ts";

test("a value with integers that no double holds is shown with all their digits", () => {
  assert.equal(invalidValue(path("a"), { Seconds: 9007199254740993n, List: [1n] }, "no").body, 'Invalid value: {"Seconds":9007199254740993,"List":[1]}: no');
});
