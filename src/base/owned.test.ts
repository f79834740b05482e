import assert from "node:assert/strict";
import { test } from "node:test";
import { Owned } from "./owned.ts";

test("everything is disposed of once, in reverse, whatever fails; the first failure is told", async () => {
  const owned = new Owned();
  const ends: string[] = [];
  const part = (name: string): Disposable => ({ [Symbol.dispose]: () => ends.push(name) });
  owned.use(part("first"));
  owned.defer(() => {
    throw new Error("broke");
  });
  owned.defer(async () => {
    await Promise.resolve();
    throw new Error("broke before");
  });
  owned.use({
    async [Symbol.asyncDispose]() {
      await Promise.resolve();
      ends.push("last");
    },
  });
  await assert.rejects(owned[Symbol.asyncDispose](), /broke before/);
  await owned[Symbol.asyncDispose]();
  assert.deepEqual(ends, ["last", "first"]);
});
