import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../base/clock.ts";
import { silentLogger } from "../base/logger.ts";
import { compactRegularly } from "./compactor.ts";
import { memoryStore } from "./memory.ts";
import { type Store, StoreError } from "./store.ts";

test("history is kept for one to two intervals", async () => {
  const clock = new VirtualClock();
  const store = memoryStore({ clock });
  const stop = new AbortController();
  const ended = compactRegularly({ store, clock, logger: silentLogger, intervalMs: 1_000, signal: stop.signal });
  await store.create("/a", new Uint8Array());
  await clock.advance(1_000);
  assert.equal(await store.compactedRevision(), 1);
  await store.create("/b", new Uint8Array());
  await clock.advance(1_000);
  assert.equal(await store.compactedRevision(), 2);
  await clock.advance(1_000);
  assert.equal(await store.compactedRevision(), 3);
  stop.abort();
  await ended;
});

test("a compaction that fails is tried again", async () => {
  const clock = new VirtualClock();
  let calls = 0;
  const store = {
    revision: async () => 7,
    compact: async () => {
      if (++calls === 1) throw new StoreError("the disk is full");
    },
  } as unknown as Store;
  const stop = new AbortController();
  const warnings: string[] = [];
  const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
  const ended = compactRegularly({ store, clock, logger, intervalMs: 1_000, signal: stop.signal });
  await clock.advance(2_000);
  assert.deepEqual([calls, warnings.length], [2, 1]);
  stop.abort();
  await ended;
});
