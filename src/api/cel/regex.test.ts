import assert from "node:assert/strict";
import { test } from "node:test";
import { compileRegex, findAll, programSize } from "./regex.ts";
import { CelError } from "./values.ts";

test("the size of a pattern follows what it repeats by number", () => {
  assert.equal(programSize("abc"), 3);
  assert.equal(programSize("a{100}"), 100);
  assert.equal(programSize("(ab{10}){3}"), 3 * 13);
  assert.equal(programSize("\\({2}[a-z]{3}"), 2 + 3);
  assert.equal(programSize("[\\pL]\\pN."), 18);
  assert.equal(programSize("(a{1000}){1000}"), 1002);
});

test("a pattern that becomes too many instructions is refused before it is compiled", () => {
  const huge = compileRegex("a{1000}".repeat(200));
  assert.ok(huge instanceof CelError);
  assert.equal(huge.message, "error parsing regexp: expression too large");
  assert.ok(!(compileRegex("(a{1,30}){1,30}") instanceof CelError));
});

test("a pattern that is none says so in RE2's words, however it is nested", () => {
  for (const [pattern, words] of [
    ["(a{1000}){1000}", "invalid repeat count: `{1000}`"],
    ["[a", "missing closing ]: `[a`"],
    ["a(", "missing closing ): `a(`"],
  ] as const) {
    const made = compileRegex(pattern);
    assert.ok(made instanceof CelError);
    assert.equal(made.message, `error parsing regexp: ${words}`);
  }
});

test("classes that are never closed are looked at once", () => {
  assert.equal(programSize("[".repeat(1_000_000)), 1_000_000);
  assert.ok(compileRegex("[[:alpha:".repeat(100_000)) instanceof CelError);
});

test("a backslash with nothing behind it is told as Go tells it", () => {
  const compiled = compileRegex("\\");
  assert.equal(compiled instanceof CelError && compiled.message, "error parsing regexp: trailing backslash at end of expression: ``");
});

test("groups may bear one name, and complaints show the pattern as it is", () => {
  for (const pattern of ["(?P<n>a)(?P<n>b)", "(?<n>(?P<n>a)b)", "(?P<n>a)[(?P<n>]?\\Q(?P<n>\\E?(?P<n>b)"]) {
    const made = compileRegex(pattern);
    assert.ok(!(made instanceof CelError), pattern);
    assert.equal(made.test(pattern.includes("Q") ? "a(?P<n>b" : "ab"), true);
  }
  for (const [pattern, words] of [
    ["(?P<n>a)(?P<n>(?P<n>b", "missing closing ): `(?P<n>a)(?P<n>(?P<n>b`"],
    ["a(?P<", "invalid or unsupported Perl syntax: `(?P`"],
    ["a(?<", "invalid or unsupported Perl syntax: `(?<`"],
    ["(?P<n", "invalid named capture: `(?P<n`"],
  ] as const) {
    const made = compileRegex(pattern);
    assert.equal(made instanceof CelError && made.message, `error parsing regexp: ${words}`);
  }
});

test("nothing is found once more where something ended", () => {
  assert.deepEqual(findAll("aab", "a*"), ["aa", ""]);
  assert.deepEqual(findAll("ab\n", "\n?"), ["", "", "\n"]);
});
