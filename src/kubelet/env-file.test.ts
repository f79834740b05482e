import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { envFileValue, readEnvFile } from "./env-file.ts";

test("values stand in single quotes and are taken as they are", () => {
  const text = "# comment\n\n  A='1'\nB='two words' # why\nC='$A \"x\" \\n'\nD='first\nsecond\n'\nE= 'none'\nF=''\r\nA='again'\n";
  const expected = { A: "1", B: "two words", C: '$A "x" \\n', D: "first\nsecond\n", E: "", F: "", G: "" };
  for (const [key, value] of Object.entries(expected)) assert.equal(envFileValue(text, key), value, key);
});

test("what is wrong before the key is found is said with its line, as upstream says it", () => {
  const said: [string, string][] = [
    ["A", "invalid environment variable format at line 1: missing '='"],
    ["='x'", "invalid environment variable format at line 1: empty variable name"],
    ["\nA ='x'", "invalid environment variable format at line 2: whitespace before '=' is not allowed"],
    ["A=x", "invalid environment variable format at line 1: value must be enclosed in single quotes"],
    ["A='x'y", "invalid environment variable format at line 1: unexpected content after closing quote"],
    ["B='1'\nA='x\ny", "invalid environment variable format starting at line 2: unclosed single quote"],
  ];
  for (const [text, message] of said) assert.throws(() => envFileValue(text, "K"), { message }, text);
  assert.equal(envFileValue("K='1'\nwrong", "K"), "1");
});

test("nothing outside of the volume is read, nothing that is no file, nothing too large", (t) => {
  const root = mkdtempSync(join(tmpdir(), "env-file-"));
  t.after(() => rmSync(root, { recursive: true }));
  const volume = join(root, "volume");
  mkdirSync(join(volume, "d"), { recursive: true });
  writeFileSync(join(volume, "d", "f"), "A='1'\n");
  writeFileSync(join(root, "outside"), "A='2'\n");
  symlinkSync("../outside", join(volume, "out"));
  symlinkSync("d/f", join(volume, "in"));
  execFileSync("mkfifo", [join(volume, "pipe")]);
  writeFileSync(join(volume, "large"), `A='${"x".repeat(1 << 20)}'`);
  assert.equal(readEnvFile(volume, "d/f", "A"), "1");
  assert.equal(readEnvFile(volume, "in", "A"), "1");
  for (const path of ["out", "../outside", "d", "pipe", "large", "none"]) assert.throws(() => readEnvFile(volume, path, "A"), Error, path);
});
