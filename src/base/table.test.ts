import assert from "node:assert/strict";
import { test } from "node:test";
import { own, table } from "./table.ts";

test("a table has what was put in and nothing that objects inherit", () => {
  const sizes = table<number>({ ns: 1, s: 1e9 });
  assert.equal(sizes.ns, 1);
  for (const name of ["constructor", "toString", "__proto__", "hasOwnProperty"]) {
    assert.equal(sizes[name], undefined);
    assert.equal(name in sizes, false);
  }
});

test("a map's own value is found under any key, what it inherits under none", () => {
  const map = JSON.parse('{"__proto__":"a","b":"c"}') as Record<string, string>;
  assert.equal(own(map, "__proto__"), "a");
  assert.equal(own(map, "b"), "c");
  assert.equal(own(map, "constructor"), undefined);
  assert.equal(own<string>(undefined, "b"), undefined);
});
