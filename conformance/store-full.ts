/**
 * `unshare -m node conformance/store-full.ts` (root): the LMDB store on a file system that gets full. A write that does not
 * fit is refused with StoreError, reads and watches go on, nothing acknowledged is lost, and after space was made writes
 * succeed again. Mounts a tmpfs of 8 MiB in a mount namespace of its own. Exit code 1 when one of these does not hold.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../src/base/clock.ts";
import { lmdbStore } from "../src/store/lmdb.ts";
import { StoreError } from "../src/store/store.ts";

const directory = mkdtempSync(join(tmpdir(), "store-full-"));
execFileSync("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", directory]);
try {
  const ballast = join(directory, "ballast");
  writeFileSync(ballast, Buffer.alloc(2 ** 20));
  let store = await lmdbStore({ directory: join(directory, "store"), clock: systemClock });
  let acknowledged = 0;
  let refused = 0;
  for (let n = 0; refused < 50; n++) {
    const writes = await Promise.allSettled(Array.from({ length: 16 }, (_, i) => store.create(`/${n}/${i}`, Buffer.alloc(20_000, n & 0x7f))));
    for (const write of writes)
      if (write.status === "fulfilled") acknowledged++;
      else {
        assert.ok(write.reason instanceof StoreError, String(write.reason));
        if (refused++ === 0) process.stdout.write(`refused with: ${write.reason.message}\n`);
      }
  }
  const listed = await store.list("");
  assert.equal(listed.items.length, acknowledged);
  assert.equal(listed.revision, acknowledged + 1);
  rmSync(ballast);
  const after = await store.create("/after", Buffer.alloc(20_000));
  assert.equal(after, acknowledged + 2);
  await store[Symbol.asyncDispose]();
  store = await lmdbStore({ directory: join(directory, "store"), clock: systemClock });
  assert.equal((await store.list("")).items.length, acknowledged + 1);
  await store[Symbol.asyncDispose]();
  process.stdout.write(`${acknowledged} acknowledged, ${refused} refused while full, one more after space was made; all found after reopening\n`);
} finally {
  execFileSync("umount", [directory]);
  rmdirSync(directory);
}
