import assert from "node:assert/strict";
import { test } from "node:test";
import { goQuote, goQuoteBytes, goQuoteList } from "./go-quote.ts";

test("what Go does not print is shown as a number, and what JSON would escape is not", () => {
  assert.equal(goQuote('a"\\\n\x7f\uffff\u2028\u{1f600}<'), '"a\\"\\\\\\n\\x7f\\uffff\\u2028\u{1f600}<"');
});

test("bytes that are no UTF-8 are shown as numbers, one by one", () => {
  const shown = (latin: string): string => goQuoteBytes(Buffer.from(latin, "latin1"));
  assert.equal(shown('a"\xc3\xa9\x01'), '"a\\"\u00e9\\x01"');
  assert.equal(shown("\xed\xa0\x80a\xe2\x82b\xf0\x9f\x98\x80\xff"), '"\\xed\\xa0\\x80a\\xe2\\x82b\u{1f600}\\xff"');
});

test("a list is shown with its type, each text in Go's quotes", () => {
  assert.equal(goQuoteList(["a\u200b", "\u00e9"]), '[]string{"a\\u200b", "\u00e9"}');
  assert.equal(goQuoteList([]), "[]string(nil)");
});
