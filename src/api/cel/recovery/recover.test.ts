import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { CELCompileError } from "../errors.ts";
import { kubernetesEnvironment } from "../kubernetes.ts";
import { type Found, recover } from "./recover.ts";

function told(expression: string): string {
  try {
    kubernetesEnvironment.parse(expression);
  } catch (error) {
    if (error instanceof CELCompileError) return error.message;
    throw error;
  }
  return "";
}

test("mistakes of syntax are told as cel-go tells them, with what comes to light behind them", () => {
  const mistakes = JSON.parse(readFileSync(new URL("./testdata/mistakes.json", import.meta.url), "utf8")) as { expression: string; error: string }[];
  for (const { expression, error } of mistakes) assert.equal(told(expression), error, expression);
});

test("a long expression that is wrong is judged soon, however deep it is", () => {
  const filled = (unit: string, begin: string, end: string): string => begin + unit.repeat(10_000 / unit.length) + end;
  for (const [unit, begin, end] of [
    ["a:-1,", "{", "?"],
    [".b", "a", "."],
    ["(", "", ""],
    ["-", "", "*"],
    ["#", "", ""],
    ["1,", "[", ","],
    // As deep as may be, which is deeper than the stack.
    ["a.map(x, ", "", ""],
    ["[", "", "?"],
    ["(!", "", "?"],
    ["ip(((((", "", ""],
  ] as const) {
    const before = process.cpuUsage();
    assert.notEqual(told(filled(unit, begin, end)), "");
    assert.ok(process.cpuUsage(before).user < 3_000_000, unit);
  }
});

test("what nests as deep as it may is refused as too deep, not by a stack that is too small", () => {
  for (const expression of ["a.map(x, ".repeat(240), `${"[".repeat(249)}?`, `${"(!".repeat(249)}?`, `${"f(".repeat(249)}?`])
    assert.match(told(expression), /^ERROR: <input>:/, expression.slice(0, 20));
});

test("what is found of an element of a long list does not have every rule that it could have been", () => {
  const count = (found: Found): number => found.parts.reduce((sum, part) => sum + ("parts" in part ? count(part) : 0), 1);
  const { found } = recover(`[${"1, ".repeat(1000)}`);
  assert.ok(found && count(found) < 4000, `${found && count(found)} rules`);
});
