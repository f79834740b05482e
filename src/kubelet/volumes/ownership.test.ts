import assert from "node:assert/strict";
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { giveToGroup } from "./ownership.ts";

/** A group that this process may give files to. */
const group = process.getgid?.() === 0 ? 4321 : (process.getgid?.() ?? 0);

test("everything below gets the group and its rights, and no link is followed", async () => {
  const root = mkdtempSync(`${tmpdir()}/ownership-`);
  const volume = `${root}/volume`;
  mkdirSync(`${volume}/d`, { recursive: true });
  writeFileSync(`${volume}/d/f`, "", { mode: 0o600 });
  writeFileSync(`${root}/outside`, "");
  chmodSync(`${root}/outside`, 0o600);
  symlinkSync("../outside", `${volume}/link`);
  await giveToGroup(volume, { fsGroup: group, readOnly: false });
  assert.equal(statSync(`${volume}/d/f`).mode & 0o7777, 0o660);
  assert.equal(statSync(`${volume}/d`).mode & 0o2070, 0o2070);
  assert.equal(statSync(`${volume}/d/f`).gid, group);
  assert.equal(lstatSync(`${volume}/link`).gid, group);
  assert.equal(statSync(`${root}/outside`).mode & 0o777, 0o600);
  rmSync(root, { recursive: true });
});

test("a volume whose root fits is left alone where the pod asks for that", async () => {
  const volume = mkdtempSync(`${tmpdir()}/ownership-`);
  await giveToGroup(volume, { fsGroup: group, readOnly: false });
  writeFileSync(`${volume}/f`, "", { mode: 0o600 });
  await giveToGroup(volume, { fsGroup: group, readOnly: false, onRootMismatch: true });
  assert.equal(statSync(`${volume}/f`).mode & 0o777, 0o600);
  await giveToGroup(volume, { fsGroup: group, readOnly: false });
  assert.equal(statSync(`${volume}/f`).mode & 0o777, 0o660);
  rmSync(volume, { recursive: true });
});
