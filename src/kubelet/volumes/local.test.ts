import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { after, test } from "node:test";
import type { PersistentVolume, Pod } from "../../api/types/core-v1.gen.ts";
import { isMountPoint, unmountBelow } from "../../linux/mounts.ts";
import { localPlugin } from "./local.ts";
import type { PayloadSources } from "./payload.ts";
import type { VolumeRequest } from "./plugin.ts";

const root = mkdtempSync(`${tmpdir()}/local-`);
after(() => {
  unmountBelow(root);
  rmSync(root, { recursive: true });
});

/** A block device of a file, where this machine and this user can have one. */
function loopDevice(): string | undefined {
  try {
    writeFileSync(`${root}/disk`, "");
    truncateSync(`${root}/disk`, 16 << 20);
    return execFileSync("losetup", ["--find", "--show", `${root}/disk`], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return undefined;
  }
}
const privileged = process.getuid?.() === 0;
const device = privileged ? loopDevice() : undefined;
after(() => {
  if (device) execFileSync("losetup", ["--detach", device]);
});

const events: string[] = [];
const plugin = localPlugin({ rootDir: root, events: { pod: (_, type, reason, message) => void events.push(`${type} ${reason} ${message}`) } });
function request(path: string, uid = "u", spec: object = {}, fsGroup?: number): VolumeRequest {
  const persistent = { metadata: { name: "pv" }, spec: { local: { path }, ...spec } } as unknown as PersistentVolume;
  return {
    pod: { metadata: { uid, name: uid }, spec: { containers: [], ...(fsGroup === undefined ? {} : { securityContext: { fsGroup } }) } } as unknown as Pod,
    spec: { volume: { name: "v" }, persistent, name: "pv", readOnly: false },
    place: { pod: uid, name: "pv", path: `${root}/pods/${uid}/volumes/kubernetes.io~local-volume/pv` },
    sources: {} as PayloadSources,
    again: false,
  };
}

test("a directory is shown to each pod, belongs to the first one's group, and stays when they go", { skip: !privileged && "mounts need root" }, async () => {
  const source = `${root}/source`;
  mkdirSync(source);
  writeFileSync(`${source}/file`, "kept");
  const first = request(source, "1", {}, 100);
  await plugin.setUp(first);
  assert.equal(readFileSync(`${first.place.path}/file`, "utf8"), "kept");
  assert.equal(statSync(`${source}/file`).gid, 100);
  const second = request(source, "2", {}, 200);
  await plugin.setUp(second);
  assert.equal(statSync(`${source}/file`).gid, 100);
  assert.deepEqual(events, [`Warning AlreadyMountedVolume The requested fsGroup is 200, but the volume pv has GID 100. The volume may not be shareable.`]);
  for (const { place } of [first, second]) await plugin.tearDown(place);
  assert.deepEqual(readdirSync(source), ["file"]);
});

test("what is neither a directory nor a device is refused", async () => {
  writeFileSync(`${root}/plain`, "");
  await assert.rejects(plugin.setUp(request(`${root}/plain`)), /only directory and block device are supported/);
  await assert.rejects(plugin.setUp(request(`${root}/nothing`)), /path ".*nothing" does not exist/);
  await assert.rejects(plugin.setUp(request(`${root}/../etc`)), /must not contain '\.\.'/);
});

test("a block device gets a file system once, and keeps what is written", { skip: !device && "there are no loop devices here" }, async () => {
  const link = `${root}/link-to-device`;
  symlinkSync(device as string, link);
  const wish = request(link);
  for (const round of [1, 2]) {
    await plugin.device?.mount(wish);
    const { path } = await plugin.setUp(wish);
    assert.equal(statSync(path).dev, statSync(`${root}/plugins/kubernetes.io/local-volume/mounts/pv`).dev);
    if (round === 1) writeFileSync(`${path}/written`, "here");
    else assert.equal(readFileSync(`${path}/written`, "utf8"), "here");
    assert.deepEqual(await plugin.device?.mounted(), ["kubernetes.io/local-volume/pv"]);
    await plugin.tearDown(wish.place);
    await plugin.device?.unmount("kubernetes.io/local-volume/pv");
    assert.equal(isMountPoint(`${root}/plugins/kubernetes.io/local-volume/mounts/pv`), false);
  }
  const other = request(link, "u", { local: { path: link, fsType: "xfs" } });
  await assert.rejects(plugin.device?.mount(other) ?? Promise.resolve(), /local: failed to mount device .* \(fstype: xfs\), error/);
  assert.equal(await plugin.block?.map(request(link, "u", { volumeMode: "Block" })), link);
});
