import assert from "node:assert/strict";
import { test } from "node:test";
import type { CSIDriver } from "../../../api/types/storage-v1.gen.ts";
import { VirtualClock } from "../../../base/clock.ts";
import { CsiLimits } from "./limits.ts";

test("a driver is asked for its limit as often as its CSIDriver says, while both are there", async () => {
  const clock = new VirtualClock();
  const zero = clock.monotonic();
  const asked: number[] = [];
  const registered = new Set<string>();
  let seconds: number | undefined = 10;
  const abort = new AbortController();
  const limits = new CsiLimits({
    clock,
    drivers: { has: (name) => registered.has(name), refresh: async () => void asked.push(clock.monotonic() - zero) },
    driver: () => ({ metadata: { name: "d" }, spec: seconds === undefined ? {} : { nodeAllocatableUpdatePeriodSeconds: seconds } }) as CSIDriver,
    signal: abort.signal,
  });
  limits.sync("d");
  await clock.advance(30_000);
  registered.add("d");
  limits.sync("d");
  limits.sync("d");
  await clock.advance(25_000);
  assert.deepEqual(asked.splice(0), [40_000, 50_000]);
  seconds = 60;
  limits.sync("d");
  await clock.advance(60_000);
  assert.deepEqual(asked.splice(0), [115_000]);
  registered.delete("d");
  await clock.advance(120_000);
  registered.add("d");
  limits.sync("d");
  await clock.advance(60_000);
  assert.deepEqual(asked.splice(0), [295_000]);
  seconds = undefined;
  limits.sync("d");
  await clock.advance(120_000);
  seconds = 10;
  limits.sync("d");
  abort.abort();
  await clock.advance(120_000);
  assert.deepEqual(asked, []);
});
