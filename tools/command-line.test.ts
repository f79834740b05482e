import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { headOf } from "./command-line.ts";

const run = (...args: string[]): ReturnType<typeof spawnSync> =>
  spawnSync(process.execPath, ["--disable-warning=ExperimentalWarning", "conformance/fuzz.ts", ...args], { encoding: "utf8" });

test("--help prints the head of the program's file", () => {
  const { status, stdout, stderr } = run("--help");
  assert.equal(status, 0);
  assert.equal(stderr, "");
  assert.match(String(stdout), /^Inputs made to break[\s\S]*\nUsage: node conformance\/fuzz\.ts[\s\S]*\nExample: [^*]*\n$/);
});

test("what is not understood is one sentence and exit code 2", () => {
  for (const [args, sentence] of [
    [["--nonsense"], "Unknown option '--nonsense'"],
    [["--seconds"], "Option '--seconds <value>' argument missing"],
    [["--seconds", "soon"], "--seconds is a number"],
  ] as const) {
    const { status, stdout, stderr } = run(...args);
    assert.equal(status, 2);
    assert.equal(stdout, "");
    assert.equal(stderr, `conformance/fuzz.ts: ${sentence} (--help tells how to call it)\n`);
  }
});

test("every program that reads its command line has a head and reads it here", () => {
  const programs = globSync("{conformance,bench,tools}/**/*.ts").filter(
    (file) => /\bparseArgs\(/.test(readFileSync(file, "utf8")) && !/command-line/.test(file),
  );
  assert.ok(programs.length > 40);
  for (const file of programs) {
    const source = readFileSync(file, "utf8");
    assert.ok(headOf(source), file);
    assert.ok(/import \{.*\bparseArgs\b.*\} from "[^"]*\/command-line\.ts"/.test(source), file);
  }
});
