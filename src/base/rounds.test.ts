import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "./clock.ts";
import { Rounds } from "./rounds.ts";

test("a wait begins when the round before has ended, and who disposes waits for the last round", async () => {
  const clock = new VirtualClock();
  const begun: number[] = [];
  let end = (): void => {};
  let aborted = false;
  const rounds = new Rounds(
    clock,
    () => 10,
    (signal) => {
      begun.push(clock.monotonic());
      signal.addEventListener("abort", () => (aborted = true));
      return new Promise((resolve) => (end = resolve));
    },
  );
  const zero = clock.monotonic();
  await clock.advance(35);
  assert.deepEqual(begun, [zero + 10]);
  end();
  await clock.advance(0);
  await clock.advance(10);
  assert.deepEqual(begun, [zero + 10, zero + 45]);
  let gone = false;
  const going = rounds[Symbol.asyncDispose]().then(() => (gone = true));
  await clock.advance(0);
  assert.deepEqual([aborted, gone], [true, false]);
  end();
  await going;
  await clock.advance(100);
  assert.equal(begun.length, 2);
});
