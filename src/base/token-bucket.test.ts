import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "./clock.ts";
import { TokenBucket } from "./token-bucket.ts";

test("a bucket gives its burst at once and then its rate", async () => {
  const clock = new VirtualClock();
  const bucket = new TokenBucket(clock, 2, 3);
  assert.deepEqual([bucket.tryTake(), bucket.tryTake(), bucket.tryTake(), bucket.tryTake()], [true, true, true, false]);
  await clock.advance(500);
  assert.deepEqual([bucket.tryTake(), bucket.tryTake()], [true, false]);
});
