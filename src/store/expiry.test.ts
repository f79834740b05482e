import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../base/clock.ts";
import { Expiry } from "./expiry.ts";

test("a key that is written again and again waits once, and expires after its last time", async () => {
  const clock = new VirtualClock(0);
  const expired: [string, number, number][] = [];
  const expiry = new Expiry(clock, (key, revision) => expired.push([key, revision, clock.now()]));
  for (let i = 1; i <= 1000; i++) {
    expiry.add("/a", i, clock.now() + 10_000);
    await clock.advance(10);
  }
  assert.equal(expiry.size, 1);
  await clock.advance(60_000);
  assert.deepEqual(expired, [["/a", 1000, 19_990]]);
  assert.equal(expiry.size, 0);
});

test("less time than before counts at once, and an older version changes nothing", async () => {
  const clock = new VirtualClock(0);
  const expired: [string, number, number][] = [];
  const expiry = new Expiry(clock, (key, revision) => expired.push([key, revision, clock.now()]));
  expiry.add("/a", 1, 60_000);
  expiry.add("/a", 2, 5000);
  expiry.add("/a", 1, 1000);
  expiry.add("/b", 3, 2000);
  await clock.advance(120_000);
  assert.deepEqual(expired, [
    ["/b", 3, 2000],
    ["/a", 2, 5000],
  ]);
});
