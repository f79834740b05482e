import assert from "node:assert/strict";
import { test } from "node:test";
import { goQuoteBytes, invalidValue, path } from "./field.ts";

test("a value with integers that no double holds is shown with all their digits", () => {
  assert.equal(invalidValue(path("a"), { Seconds: 9007199254740993n, List: [1n] }, "no").body, 'Invalid value: {"Seconds":9007199254740993,"List":[1]}: no');
});

test("bytes that are no UTF-8 are shown as numbers, one by one", () => {
  const shown = (latin: string): string => goQuoteBytes(Buffer.from(latin, "latin1"));
  assert.equal(shown('a"\xc3\xa9\x01'), '"a\\"\u00e9\\x01"');
  assert.equal(shown("\xed\xa0\x80a\xe2\x82b\xf0\x9f\x98\x80\xff"), '"\\xed\\xa0\\x80a\\xe2\\x82b\u{1f600}\\xff"');
});
