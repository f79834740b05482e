import assert from "node:assert/strict";
import { test } from "node:test";
import { trimEnd, trimSpace } from "./trim.ts";

test("only the end is cut, all of it", () => {
  assert.equal(trimEnd("//a//b///", "/"), "//a//b");
  assert.equal(trimEnd("a", "/"), "a");
  assert.equal(trimEnd("///", "/"), "");
  assert.equal(trimEnd("", "/"), "");
});

test("white space is what Unicode calls so, on both ends", () => {
  assert.equal(trimSpace(" \t\u2028a \u0085b\u3000\u0085\n"), "a \u0085b");
  assert.equal(trimSpace("\u2029\u00a0"), "");
  assert.equal(trimSpace("\ufeffa\u200b"), "\ufeffa\u200b");
});

test("a megabyte in the middle costs no more than one at the end", () => {
  const middle = `a${"/".repeat(1 << 20)}b`;
  const began = process.cpuUsage();
  assert.equal(trimEnd(middle, "/"), middle);
  assert.equal(trimEnd(`${middle}${"/".repeat(1 << 20)}`, "/"), middle);
  const { user, system } = process.cpuUsage(began);
  assert.ok(user + system < 1_000_000, `${user + system} µs of processor time`);
});
