import assert from "node:assert/strict";
import { test } from "node:test";
import { fnv1, fnv1a, fnv1a128 } from "./fnv.ts";

test("the published vectors", () => {
  const hex = (number: number): string => number.toString(16).padStart(8, "0");
  const of = (text: string): string[] => [hex(fnv1(Buffer.from(text))), hex(fnv1a(Buffer.from(text))), fnv1a128(Buffer.from(text))];
  assert.deepEqual(of(""), ["811c9dc5", "811c9dc5", "6c62272e07bb014262b821756295c58d"]);
  assert.deepEqual(of("a"), ["050c5d7e", "e40c292c", "d228cb696f1a8caf78912b704e4a8964"]);
  assert.deepEqual(of("foobar"), ["31f0b262", "bf9cf968", "343e1662793c64bf6f0d3597ba446f18"]);
});
