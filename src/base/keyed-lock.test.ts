import assert from "node:assert/strict";
import { test } from "node:test";
import { KeyedLock } from "./keyed-lock.ts";

test("work for one key runs one after the other, and other keys do not wait", async () => {
  const lock = new KeyedLock();
  const log: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = lock.run("a", async () => {
    await gate.promise;
    log.push("a1");
  });
  const second = lock.run("a", async () => void log.push("a2"));
  await lock.run("b", async () => void log.push("b"));
  gate.resolve();
  await Promise.all([first, second]);
  assert.deepEqual(log, ["b", "a1", "a2"]);
});

test("what fails does not hold up what comes after it", async () => {
  const lock = new KeyedLock();
  const failing = lock.run("a", async () => {
    throw new Error("no");
  });
  const after = lock.run("a", async () => "yes");
  await assert.rejects(failing, /no/);
  assert.equal(await after, "yes");
});
