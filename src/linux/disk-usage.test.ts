import assert from "node:assert/strict";
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { diskUsage } from "./disk-usage.ts";

test("blocks and inodes of a tree are counted, links once, what links point to not at all", async () => {
  const root = mkdtempSync(join(tmpdir(), "k8ts-usage-"));
  try {
    const empty = await diskUsage(root);
    mkdirSync(join(root, "a"));
    writeFileSync(join(root, "a", "file"), Buffer.alloc(100_000, 1));
    linkSync(join(root, "a", "file"), join(root, "again"));
    symlinkSync("/usr", join(root, "usr"));
    const usage = await diskUsage(root);
    assert.equal(usage.inodes - empty.inodes, 3);
    assert.ok(usage.bytes - empty.bytes >= 100_000 && usage.bytes - empty.bytes < 150_000, `${usage.bytes - empty.bytes} bytes`);
    assert.deepEqual(await diskUsage(join(root, "none")), { bytes: 0, inodes: 0 });
  } finally {
    rmSync(root, { recursive: true });
  }
});
