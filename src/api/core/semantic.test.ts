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

test("amounts are equal however they are written, other texts are not", () => {
  const capacity = (...validValues: string[]): object => ({ capacity: { cores: { value: "8", requestPolicy: { default: "1", validValues } } } });
  assert.equal(semanticEqual(capacity("1", "2"), capacity("1", "+2")), true);
  assert.equal(semanticEqual(capacity("1", "2"), capacity("1", "3")), false);
  assert.equal(semanticEqual({ emptyDir: { sizeLimit: "1Gi" } }, { emptyDir: { sizeLimit: "1024Mi" } }), true);
  assert.equal(semanticEqual({ env: [{ value: "1" }] }, { env: [{ value: "1.0" }] }), false);
  assert.equal(semanticEqual({ requests: ["1"] }, { requests: ["01"] }), false);
  assert.equal(semanticEqual({ properties: { limits: { type: "object" } } }, { properties: { limits: { type: "string" } } }), false);
});
