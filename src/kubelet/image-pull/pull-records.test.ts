import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { VirtualClock } from "../../base/clock.ts";
import { silentLogger } from "../../base/logger.ts";
import type { PullCredential } from "./keyring.ts";
import { PullRecords } from "./pull-records.ts";
import { allowlistProblem, verificationPolicy, withoutTag } from "./verification-policy.ts";

const scratch = mkdtempSync(join(tmpdir(), "k8ts-pull-records-"));
after(() => rmSync(scratch, { recursive: true }));
let directories = 0;
const clock = new VirtualClock();
const open = (rootDir: string, images: { id: string; repoTags: string[]; repoDigests: string[] }[] = []): Promise<PullRecords> =>
  PullRecords.open({ rootDir, policy: verificationPolicy("NeverVerifyPreloadedImages", []), clock, logger: silentLogger }, async () => images);
const fresh = (): string => join(scratch, String(++directories));
const secret = (name: string, hash: string): PullCredential => ({
  auth: { username: "", password: "" },
  hash,
  source: { secret: { uid: name, namespace: "n", name } },
});
const account = (name: string): PullCredential => ({
  auth: { username: "", password: "" },
  hash: "h",
  source: { serviceAccount: { uid: name, namespace: "n", name } },
});
const must = (records: PullRecords, image: string, id: string, ...credentials: PullCredential[]): Promise<boolean> =>
  records.mustPull(image, id, async () => credentials);

test("pods that begin to pull the same image at the same time write it down each; what a killed kubelet had half written goes", async () => {
  const rootDir = fresh();
  const records = await open(rootDir);
  await Promise.all(Array.from({ length: 8 }, () => records.begin("app:1")));
  const pulling = join(rootDir, "image_manager/pulling");
  assert.equal(readdirSync(pulling).length, 1);
  writeFileSync(join(pulling, "sha256-0.1.tmp"), "{");
  await open(rootDir);
  assert.equal(readdirSync(pulling).length, 1);
});

test("what was on the node before is anybody's; what was pulled with a secret is for those who show it, after a restart too", async () => {
  const rootDir = fresh();
  const before = await open(rootDir);
  assert.equal(await must(before, "app:1", "id"), false);
  await before.begin("app:1");
  await before.pulled("app:1", "id", secret("a", "hash"));
  for (const records of [before, await open(rootDir)]) {
    assert.equal(await must(records, "app:1", "id"), true);
    assert.equal(await must(records, "app:1", "id", secret("b", "other")), true);
    assert.equal(await must(records, "app:1", "id", secret("a", "hash")), false);
    assert.equal(await must(records, "app:2", "id", secret("other name", "hash")), false);
    assert.equal(await must(records, "other/app:1", "id", secret("a", "hash")), true);
  }
  assert.deepEqual(readdirSync(join(rootDir, "image_manager/pulling")), []);
});

test("a secret that was changed, and one that proved itself, are written down", async () => {
  const records = await open(fresh());
  await records.pulled("app", "id", secret("a", "old"));
  assert.equal(await must(records, "app", "id", secret("a", "new")), false);
  assert.equal(await must(records, "app", "id", secret("c", "new")), false);
  assert.equal(await must(records, "app", "id", secret("c", "newer")), false);
  assert.equal(await must(records, "app", "id", account("a")), true);
  await records.pulled("app", "id", account("a"));
  assert.equal(await must(records, "app", "id", account("a")), false);
  await records.pulled("app", "id", undefined);
  assert.equal(await must(records, "app", "id"), false);
});

test("a pull that ended while nobody wrote it down, or whose record is damaged, has to be proved again", async () => {
  const rootDir = fresh();
  await (await open(rootDir)).begin("app:1");
  const after = await open(rootDir, [{ id: "id", repoTags: ["app:1"], repoDigests: [] }]);
  assert.equal(await must(after, "app:1", "id", secret("a", "h")), true);
  const pulled = join(rootDir, "image_manager/pulled");
  for (const file of readdirSync(pulled)) writeFileSync(join(pulled, file), "{");
  assert.equal(await must(await open(rootDir), "app:1", "id", secret("a", "h")), true);
});

test("records of images that are gone go, but not those written since", async () => {
  const rootDir = fresh();
  const records = await open(rootDir);
  await records.pulled("a", "gone", undefined);
  await clock.advance(10_000);
  const until = clock.now();
  await records.pulled("b", "fresh", undefined);
  await records.prune(new Set(), until);
  assert.equal(readdirSync(join(rootDir, "image_manager/pulled")).length, 1);
});

test("policies: never, always, preloaded, allow list", () => {
  assert.equal(verificationPolicy("NeverVerify", [])("a", true), false);
  assert.equal(verificationPolicy("AlwaysVerify", [])("a", false), true);
  assert.equal(verificationPolicy("NeverVerifyPreloadedImages", [])("a", false), false);
  const listed = verificationPolicy("NeverVerifyAllowlistedImages", ["registry.example/public/*", "registry.example:5000/app"]);
  assert.equal(listed("registry.example/public/a:1", true), false);
  assert.equal(listed("registry.example:5000/app:1@sha256:00", true), false);
  assert.equal(listed("registry.example/private/a", true), true);
  for (const pattern of [" a", "/*", "a*", "a/*/b", "a:1", ""]) assert.ok(allowlistProblem(pattern), pattern);
  assert.equal(withoutTag("localhost:5000/a"), "localhost:5000/a");
});
