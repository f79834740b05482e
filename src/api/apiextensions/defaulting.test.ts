import assert from "node:assert/strict";
import { test } from "node:test";
import { applyDefaults, defaultsAtMost } from "./defaulting.ts";
import type { Schema } from "./schema.ts";

const text = "x".repeat(1000);
const element: Schema = { type: "object", properties: { text: { type: "string", default: text } } };
const schema: Schema = { type: "object", properties: { list: { type: "array", items: element }, map: { type: "object", additionalProperties: element } } };

test("elements, values and fields that are missing take their defaults", () => {
  const object = { list: [{}, { text: "own" }], map: { a: {}, b: { text: "own" } } };
  applyDefaults(object, schema);
  assert.deepEqual(object, { list: [{ text }, { text: "own" }], map: { a: { text }, b: { text: "own" } } });
});

test("defaults that would make gigabytes of a small object are refused before they are added", () => {
  const most = Math.floor(defaultsAtMost / (text.length + 2));
  applyDefaults({ list: Array.from({ length: most }, () => ({})) }, schema);
  const object = { list: Array.from({ length: 200_000 }, () => ({}) as { text?: string }) };
  assert.throws(() => applyDefaults(object, schema), { code: 413 });
  assert.equal(object.list.filter((one) => one.text).length, most);
});
