import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../base/clock.ts";
import { Workqueue } from "./workqueue.ts";

test("keys are given out in the order of their addition, each once however often it was added", async () => {
  const queue = new Workqueue({ clock: new VirtualClock() });
  for (const key of ["a", "b", "a", "c", "b"]) queue.add(key);
  assert.deepEqual([await queue.take(), await queue.take(), await queue.take()], ["a", "b", "c"]);
  assert.equal(queue.length, 0);
});

test("a key added while it is worked on is given out again only after done", async () => {
  const queue = new Workqueue({ clock: new VirtualClock() });
  queue.add("a");
  assert.equal(await queue.take(), "a");
  queue.add("a");
  queue.add("b");
  assert.equal(await queue.take(), "b");
  assert.equal(queue.length, 0);
  queue.done("a");
  assert.equal(await queue.take(), "a");
});

test("of several delays of one key the shortest counts", async () => {
  const clock = new VirtualClock();
  const queue = new Workqueue({ clock });
  queue.addAfter("a", 1000);
  queue.addAfter("a", 100);
  queue.addAfter("a", 5000);
  await clock.advance(99);
  assert.equal(queue.length, 0);
  await clock.advance(1);
  assert.equal(queue.length, 1);
  assert.equal(await queue.take(), "a");
  queue.done("a");
  await clock.advance(10_000);
  assert.equal(queue.length, 0);
});

test("retries of a key wait twice as long each time, until it is forgotten", async () => {
  const clock = new VirtualClock();
  const queue = new Workqueue({ clock, baseDelay: 10 });
  const waits: number[] = [];
  const retry = async (): Promise<void> => {
    const before = clock.now();
    queue.addRateLimited("a");
    while (queue.length === 0) await clock.advance(1);
    waits.push(clock.now() - before);
    await queue.take();
    queue.done("a");
  };
  for (let i = 0; i < 4; i++) await retry();
  queue.forget("a");
  await retry();
  assert.deepEqual(waits, [10, 20, 40, 80, 10]);
});

test("closing ends those who wait, and later additions are dropped", async () => {
  const queue = new Workqueue({ clock: new VirtualClock() });
  const waiting = queue.take();
  queue.close();
  assert.equal(await waiting, undefined);
  queue.add("a");
  assert.equal(await queue.take(), undefined);
});
