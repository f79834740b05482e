import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { crash } from "../../conformance/store-crash.ts";

test("a process killed while it writes loses nothing acknowledged", async () => {
  const directory = mkdtempSync(join(tmpdir(), "store-crash-"));
  const result = await crash({ rounds: 10, seed: 3, directory });
  assert.deepEqual(result.problems, []);
  assert.equal(result.rounds, 10);
  assert.ok(result.acknowledged > 100, `only ${result.acknowledged} writes were acknowledged`);
  rmSync(directory, { recursive: true });
});
