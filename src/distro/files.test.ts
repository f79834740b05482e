import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { readIdentity, readJsonFile, writeFileAtomic } from "./files.ts";

const scratch = mkdtempSync(join(tmpdir(), "k8ts-files-"));
after(() => rmSync(scratch, { recursive: true }));

test("a file is replaced whole, with the mode asked for and nothing beside it", () => {
  const directory = join(scratch, "whole");
  mkdirSync(directory);
  writeFileAtomic(join(directory, "key"), "first", 0o600);
  writeFileAtomic(join(directory, "key"), Buffer.from("second, longer"), 0o600);
  assert.equal(readFileSync(join(directory, "key"), "utf8"), "second, longer");
  assert.equal(statSync(join(directory, "key")).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(directory), ["key"]);
});

test("a write that fails leaves neither a change nor a piece", () => {
  const directory = join(scratch, "fails");
  mkdirSync(join(directory, "key"), { recursive: true });
  assert.throws(() => writeFileAtomic(join(directory, "key"), "a directory is in the way"));
  assert.deepEqual(readdirSync(directory), ["key"]);
  assert.throws(() => writeFileAtomic("/dev/full/key", "no such place"));
});

test("a device is not replaced by a file", () => {
  assert.throws(() => writeFileAtomic("/dev/null", "x"), { message: "/dev/null is not a regular file: name another" });
  assert.ok(statSync("/dev/null").isCharacterDevice());
});

test("a JSON file is an object, absent, or named as damaged", () => {
  const file = join(scratch, "a.json");
  assert.equal(readJsonFile(file), undefined);
  writeFileSync(file, '{"a":1}');
  assert.deepEqual(readJsonFile(file), { a: 1 });
  for (const text of ["", "{", "[]", "3", "null"]) {
    writeFileSync(file, text);
    assert.throws(() => readJsonFile(file), /a\.json is damaged/, text);
  }
});

test("a pid file that names no process names none", () => {
  const file = join(scratch, "pid.json");
  assert.equal(readIdentity(file), undefined);
  for (const text of ["", "{", "null", '{"pid":"1","started":"2"}', '{"pid":1}']) {
    writeFileSync(file, text);
    assert.equal(readIdentity(file), undefined, text);
  }
  writeFileSync(file, '{"pid":1,"started":"2","more":3}');
  assert.deepEqual(readIdentity(file), { pid: 1, started: "2" });
});
