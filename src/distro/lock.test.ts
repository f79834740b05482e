import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { lockCluster } from "./lock.ts";
import { pathsOf } from "./paths.ts";

const scratch = mkdtempSync(join(tmpdir(), "k8ts-lock-"));
after(() => rmSync(scratch, { recursive: true }));

test("the second command is refused while the first is at work, and may begin after it", () => {
  const paths = pathsOf(join(scratch, "two"));
  {
    using _first = lockCluster(paths, "up");
    assert.throws(() => lockCluster(paths, "reset"), new RegExp(`^UsageError: reset: another k8ts command is at work on .*pid ${process.pid}`));
  }
  using _second = lockCluster(paths, "reset");
  assert.deepEqual(readdirSync(paths.run), ["command.lock"]);
});

test("a lock of a process that is gone, or whose number is now another's, is nobody's", () => {
  const paths = pathsOf(join(scratch, "gone"));
  lockCluster(paths, "up")[Symbol.dispose]();
  for (const holder of [JSON.stringify({ pid: process.pid, started: "1" }), JSON.stringify({ pid: 4_194_304, started: "1" }), "", '{"pid":']) {
    writeFileSync(join(paths.run, "command.lock"), holder);
    lockCluster(paths, "up")[Symbol.dispose]();
  }
});
