import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { directoryUsage, mountUsage } from "./usage.ts";

test("a directory uses what lies in it, and shares the room of its file system", async () => {
  const directory = await mkdtemp(`${tmpdir()}/usage-`);
  await writeFile(`${directory}/file`, Buffer.alloc(100_000));
  const { usedBytes = 0, inodesUsed, capacityBytes = 0, availableBytes = 0 } = await directoryUsage(directory);
  assert.equal(inodesUsed, 2);
  assert.ok(usedBytes >= 100_000 && usedBytes < 200_000);
  assert.ok(availableBytes > 0 && availableBytes <= capacityBytes);
  const whole = mountUsage(directory);
  assert.equal(whole.capacityBytes, capacityBytes);
  await rm(directory, { recursive: true });
});
