import assert from "node:assert/strict";
import { test } from "node:test";
import { warningLines } from "./warnings.ts";

/** A character for each byte, as headers are. */
const bytes = (text: string): string => Buffer.from(text).toString("latin1");

test("warnings are quoted, go out in UTF-8, and hold nothing that controls", () => {
  assert.deepEqual(warningLines(['a "b" \\ \u0001 é']), [bytes('299 - "a \\"b\\" \\\\   é"')]);
  assert.deepEqual(warningLines(['unknown field "😀"', "\ud83d"]), [bytes('299 - "unknown field \\"😀\\""'), bytes('299 - "\ufffd"')]);
});

test("beyond 4096 characters each warning is cut to 256, and there are no more than make 4096 again", () => {
  assert.deepEqual(warningLines(["x".repeat(4096)]), [`299 - "${"x".repeat(4096)}"`]);
  assert.deepEqual(warningLines(["x".repeat(4097)]), [`299 - "${"x".repeat(256)}"`]);
  const many = warningLines(Array.from({ length: 1000 }, (_, n) => `${n} ${"é".repeat(300)}`));
  assert.equal(many.length, 16);
  assert.equal(many[0], bytes(`299 - "0 ${"é".repeat(254)}"`));
});
