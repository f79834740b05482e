import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeJSON, encodeMembers } from "./json.ts";

test("an object written member by member is the object written at once", () => {
  const objects: object[] = [
    {},
    { kind: "Pod", metadata: { name: "a", labels: { 12: "x", b: "<&>" } }, spec: undefined, status: null },
    { 12: 1, a: 2 },
    { a: "\u2028", "b c": "d", "<": 1 },
    { spec: { big: 2n ** 62n }, list: [1, [], {}] },
    { kind: "Widget", spec: { "7": true } },
  ];
  for (const object of objects) assert.equal(Buffer.from(encodeMembers(object)).toString(), Buffer.from(encodeJSON(object)).toString());
});

test("members whose text is known are written as that", () => {
  assert.equal(Buffer.from(encodeMembers({ a: 1, b: {} }, { b: ['{"c"', ":2}"] })).toString(), '{"a":1,"b":{"c":2}}');
});
