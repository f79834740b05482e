import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { VirtualClock } from "../base/clock.ts";
import { silentLogger } from "../base/logger.ts";
import type { CriClient } from "../cri/client.ts";
import { LogRotation } from "./log-rotation.ts";

const scratch = mkdtempSync(join(tmpdir(), "k8ts-rotation-"));
after(() => rmSync(scratch, { recursive: true }));
const clock = new VirtualClock(Date.parse("2026-11-21T10:00:00Z"));
let directories = 0;

function setUp(reopen: (path: string) => void) {
  const directory = mkdtempSync(join(scratch, `${++directories}-`));
  const path = join(directory, "0.log");
  const cri = { call: async () => void reopen(path) } as unknown as CriClient;
  return { directory, path, rotation: new LogRotation({ cri, clock, maxSize: 10, maxFiles: 3, workers: 2, logger: silentLogger }) };
}
const make = (path: string): void => writeFileSync(path, "");

test("a log that is too large is moved away, the one before it packed, the oldest removed", async () => {
  const { directory, path, rotation } = setUp(make);
  for (const text of ["first log\n\n", "second log\n", "third log\n\n"]) {
    writeFileSync(path, text);
    await rotation.check("id", path);
    await clock.advance(1000);
  }
  const names = readdirSync(directory).sort();
  assert.deepEqual(names, ["0.log", "0.log.20261121-100001.gz", "0.log.20261121-100002"]);
  assert.equal(gunzipSync(readFileSync(join(directory, names[1] as string))).toString(), "second log\n");
  writeFileSync(path, "small");
  await rotation.check("id", path);
  assert.equal(readFileSync(path, "utf8"), "small");
});

test("what a compression left half done goes, and its log stays", async () => {
  const { directory, path, rotation } = setUp(make);
  for (const name of ["0.log.20261121-090000", "0.log.20261121-090000.gz", "0.log.20261121-080000.tmp"]) writeFileSync(join(directory, name), "kept");
  writeFileSync(path, "more than ten bytes");
  await rotation.check("id", path);
  const packed = join(directory, "0.log.20261121-090000.gz");
  assert.equal(gunzipSync(readFileSync(packed)).toString(), "kept");
  assert.ok(!readdirSync(directory).some((name) => name.endsWith(".tmp")));
});

test("a runtime that does not begin a new log gets the old one back; one that is missing is made again", async () => {
  const failing = setUp(() => {
    throw new Error("no");
  });
  writeFileSync(failing.path, "more than ten bytes");
  await assert.rejects(failing.rotation.check("id", failing.path), /no/);
  assert.equal(readFileSync(failing.path, "utf8"), "more than ten bytes");
  const missing = setUp(make);
  await missing.rotation.checkAll([
    { id: "a", path: join(missing.directory, "none/0.log") },
    { id: "b", path: missing.path },
  ]);
  assert.deepEqual(readdirSync(missing.directory), ["0.log"]);
});
