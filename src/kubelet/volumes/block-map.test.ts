import assert from "node:assert/strict";
import { lstat, mkdtemp, readdir, readlink, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { isMountPoint, unmountBelow } from "../../linux/mounts.ts";
import { mapBlock, unmapBlock } from "./block-map.ts";

const privileged = process.getuid?.() === 0;

test("a device is held for each pod and let go of last", { skip: !privileged && "mounts need root" }, async () => {
  const root = await mkdtemp(`${tmpdir()}/block-`);
  const global = `${root}/plugins/dev`;
  const place = { pod: "u", name: "pv", path: `${root}/pods/u/volumeDevices/p/pv` };
  try {
    await mapBlock(global, place, async () => {
      assert.ok((await lstat(place.path)).isSymbolicLink(), "what was begun cannot be told from the disk");
      return "/dev/null";
    });
    assert.equal(await readlink(place.path), "/dev/null");
    assert.ok(isMountPoint(`${global}/u`));
    assert.ok((await stat(`${global}/u`)).isCharacterDevice());
    await assert.rejects(
      unmapBlock(global, place, async () => {
        throw new Error("the driver is away");
      }),
      /the driver is away/,
    );
    assert.ok((await lstat(place.path)).isSymbolicLink());
    await unmapBlock(global, place, async () => {});
    assert.deepEqual(await readdir(`${root}/plugins`), []);
    assert.deepEqual(await readdir(`${root}/pods/u/volumeDevices/p`), []);
  } finally {
    unmountBelow(root);
    await rm(root, { recursive: true });
  }
});
