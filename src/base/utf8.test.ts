import assert from "node:assert/strict";
import { test } from "node:test";
import { textOf } from "./utf8.ts";

test("each byte that belongs to no character is a replacement of its own", () => {
  const read = (...bytes: number[]): string => textOf(Uint8Array.from(bytes));
  assert.equal(read(0x61, 0xc3, 0xa9, 0x62), "a\u00e9b");
  assert.equal(read(0xe2, 0x82, 0x22), '\ufffd\ufffd"');
  assert.equal(read(0xf0, 0x9f, 0x98), "\ufffd\ufffd\ufffd");
  assert.equal(read(0xed, 0xa0, 0x80, 0xc0, 0x80), "\ufffd".repeat(5));
  assert.equal(read(0xff, 0xf0, 0x9f, 0x98, 0x80), "\ufffd\u{1f600}");
});
