import assert from "node:assert/strict";
import { test } from "node:test";
import { warningLines } from "./warnings.ts";

test("warnings are quoted, and what a header cannot hold is written otherwise", () => {
  assert.deepEqual(warningLines(['a "b" \\ \u0001 é']), ['299 - "a \\"b\\" \\\\   %C3%A9"']);
  assert.deepEqual(warningLines(['unknown field "😀"', "\ud83d"]), ['299 - "unknown field \\"%F0%9F%98%80\\""', '299 - "%EF%BF%BD"']);
});

test("beyond 4096 characters each warning is cut to 256, and there are no more than make 4096 again", () => {
  assert.deepEqual(warningLines(["x".repeat(4096)]), [`299 - "${"x".repeat(4096)}"`]);
  assert.deepEqual(warningLines(["x".repeat(4097)]), [`299 - "${"x".repeat(256)}"`]);
  const many = warningLines(Array.from({ length: 1000 }, (_, n) => `${n} ${"é".repeat(300)}`));
  assert.equal(many.length, 16);
  assert.equal(many[0], `299 - "0 ${"%C3%A9".repeat(254)}"`);
});
