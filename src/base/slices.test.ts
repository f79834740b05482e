import assert from "node:assert/strict";
import { test } from "node:test";
import { Slices, TurnQueue } from "./slices.ts";

/** An event loop whose turns take as long as `others` say. */
class Loop {
  now = 0;
  turns = 0;
  #soon: (() => void)[] = [];
  readonly queue = new TurnQueue(
    () => this.now,
    (fn) => void this.#soon.push(fn),
  );
  async turn(others = 0): Promise<void> {
    this.turns++;
    this.now += others;
    const soon = this.#soon;
    this.#soon = [];
    for (const fn of soon) fn();
    await new Promise((resolve) => setImmediate(resolve));
  }
  /** Turns until `done` is settled. */
  async until(done: Promise<void>, others: () => number): Promise<number> {
    let over = false;
    const began = this.turns;
    void done.then(() => {
      over = true;
    });
    while (!over) await this.turn(others());
    return this.turns - began;
  }
}

test("a slice is over after some milliseconds, and the next begins with a rest", async () => {
  let now = 0;
  const slices = new Slices({ monotonic: () => now });
  assert.equal(slices.isOver, false);
  now = 10;
  assert.equal(slices.isOver, true);
  await slices.rest();
  assert.equal(slices.isOver, false);
});

test("where nothing else is to be done a slice begins as soon as sockets were looked at", async () => {
  const loop = new Loop();
  assert.equal(await loop.until(loop.queue.turn(), () => 0.01), 2);
});

test("a slice waits for the first turn in which others had nothing to do", async () => {
  const loop = new Loop();
  const work = [1, 1, 0.5, 1, 0.01, 1];
  assert.equal(await loop.until(loop.queue.turn(), () => work.shift() ?? 1), 5);
});

test("where others never rest a slice begins all the same, after a while", async () => {
  const loop = new Loop();
  const turns = await loop.until(loop.queue.turn(), () => 1);
  assert.ok(turns > 4 && turns < 20, `${turns} turns`);
});

test("of several long pieces of work one has a slice at a time, in turn", async () => {
  const loop = new Loop();
  const order: string[] = [];
  const long = async (name: string): Promise<void> => {
    for (let i = 0; i < 3; i++) {
      await loop.queue.turn();
      loop.now += 2;
      order.push(`${name}${loop.turns}`);
    }
  };
  await loop.until(
    Promise.all([long("a"), long("b"), long("c")]).then(() => undefined),
    () => 0.01,
  );
  assert.equal(order.map((one) => one[0]).join(""), "abcabcabc");
  const turns = order.map((one) => one.slice(1));
  assert.equal(new Set(turns).size, turns.length, "two slices in one turn");
});
