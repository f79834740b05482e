import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../base/clock.ts";
import { StartTurns } from "./start-turns.ts";

const never = new AbortController().signal;
const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

function begun() {
  const clock = new VirtualClock(0);
  const turns = new StartTurns({ clock, parallel: 2 });
  const order: string[] = [];
  const ends = new Map<string, () => void>();
  const take = (what: "sandbox" | "container", name: string, signal = never): Promise<void> =>
    turns.take(what, signal, () => {
      order.push(name);
      return new Promise<void>((resolve) => ends.set(name, resolve));
    });
  const end = async (name: string): Promise<void> => {
    ends.get(name)?.();
    await settle();
  };
  return { clock, turns, order, take, end };
}

test("as many as may at the same time; a container of a pod that has begun goes before the sandbox of the next", async () => {
  const { order, take, end } = begun();
  for (const name of ["s1", "s2", "s3", "s4"]) void take("sandbox", name);
  await settle();
  void take("container", "c1");
  await settle();
  assert.deepEqual(order, ["s1", "s2"]);
  await end("s1");
  assert.deepEqual(order, ["s1", "s2", "c1"]);
  await end("c1");
  await end("s2");
  assert.deepEqual(order, ["s1", "s2", "c1", "s3", "s4"]);
});

test("what hangs holds nobody up for longer than three seconds, and gives its turn back once", async () => {
  const { clock, order, take, end } = begun();
  for (const name of ["s1", "s2", "s3", "s4", "s5"]) void take("sandbox", name);
  await clock.advance(2999);
  await settle();
  assert.deepEqual(order, ["s1", "s2"]);
  await clock.advance(1);
  await settle();
  assert.deepEqual(order, ["s1", "s2", "s3", "s4"]);
  await end("s1");
  await end("s2");
  assert.equal(order.length, 4);
  await end("s3");
  assert.deepEqual(order.slice(4), ["s5"]);
});

test("who gives up while it waits leaves the queue; work that fails gives its turn back", async () => {
  const { turns, order, take, end } = begun();
  void take("sandbox", "s1");
  void take("sandbox", "s2");
  await settle();
  const stop = new AbortController();
  const waiting = assert.rejects(take("sandbox", "s3", stop.signal), /enough/);
  void take("sandbox", "s4");
  stop.abort(new Error("enough"));
  await waiting;
  await end("s1");
  assert.deepEqual(order, ["s1", "s2", "s4"]);
  await end("s2");
  await assert.rejects(
    turns.take("container", never, () => Promise.reject(new Error("no"))),
    /no/,
  );
  void take("sandbox", "s5");
  await settle();
  assert.equal(order.at(-1), "s5");
});
