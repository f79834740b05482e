import assert from "node:assert/strict";
import { test } from "node:test";
import { trimEnd } from "./trim.ts";

test("only the end is cut, all of it", () => {
  assert.equal(trimEnd("//a//b///", "/"), "//a//b");
  assert.equal(trimEnd("a", "/"), "a");
  assert.equal(trimEnd("///", "/"), "");
  assert.equal(trimEnd("", "/"), "");
});

test("a megabyte in the middle costs no more than one at the end", () => {
  const middle = `a${"/".repeat(1 << 20)}b`;
  const began = process.cpuUsage();
  assert.equal(trimEnd(middle, "/"), middle);
  assert.equal(trimEnd(`${middle}${"/".repeat(1 << 20)}`, "/"), middle);
  const { user, system } = process.cpuUsage(began);
  assert.ok(user + system < 1_000_000, `${user + system} µs of processor time`);
});
