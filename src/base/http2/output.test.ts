import assert from "node:assert/strict";
import test from "node:test";
import { Flusher, Output } from "./output.ts";

/** A loop whose turns are made by hand. */
function loop(): { now: number; turn(ms: number): void; flusher(before?: () => void): Flusher } {
  let due: (() => void)[] = [];
  let timers: { at: number; fn: () => void }[] = [];
  const self = {
    now: 0,
    turn(ms: number) {
      self.now += ms;
      const all = due;
      due = [];
      const rung = timers.filter(({ at }) => at <= self.now);
      timers = timers.filter((timer) => !rung.includes(timer));
      for (const { fn } of rung) fn();
      for (const fn of all) fn();
    },
    flusher: (before?: () => void) =>
      new Flusher(before, { now: () => self.now, soon: (fn) => void due.push(fn), after: (ms, fn) => void timers.push({ at: self.now + ms, fn }) }),
  };
  return self;
}

test("what is urgent leaves at the end of the turn, what is not in the first turn that had nothing to do", () => {
  const { turn, flusher } = loop();
  const left: string[] = [];
  const flushes = flusher(() => left.push("log"));
  flushes.addPatiently({ flush: () => left.push("event") });
  flushes.add({ flush: () => left.push("answer") });
  turn(1);
  assert.deepEqual(left, ["log", "answer"]);
  turn(1);
  assert.deepEqual(left, ["log", "answer"], "a turn with work");
  turn(0.01);
  assert.deepEqual(left, ["log", "answer", "log", "event"]);
  turn(0.01);
  assert.equal(left.length, 4);
});

test("where every turn has something to do nothing waits longer than five milliseconds, and what comes later leaves with it", () => {
  const { turn, flusher } = loop();
  const left: string[] = [];
  const flushes = flusher();
  flushes.addPatiently({ flush: () => left.push("first") });
  for (let i = 0; i < 4; i++) turn(1);
  flushes.addPatiently({ flush: () => left.push("second") });
  assert.deepEqual(left, []);
  turn(1);
  assert.deepEqual(left, ["first", "second"]);
});

test("what is sent without end takes a tenth of the time, and what is urgent does not wait for it", () => {
  const self = loop();
  const left: string[] = [];
  const flushes = self.flusher();
  const events = (name: string, took: number): void =>
    flushes.addPatiently({
      flush: () => {
        left.push(name);
        self.now += took;
      },
    });
  const turns = (count: number): void => {
    for (let i = 0; i < count; i++) self.turn(0.01);
  };
  events("first", 1);
  turns(2);
  assert.deepEqual(left, ["first"]);
  events("second", 10);
  flushes.add({ flush: () => left.push("answer") });
  self.turn(8);
  turns(2);
  assert.deepEqual(left, ["first", "answer"], "nine milliseconds of rest");
  self.turn(1);
  turns(2);
  assert.deepEqual(left, ["first", "answer", "second"]);
  events("third", 1);
  self.turn(19);
  turns(2);
  assert.equal(left.length, 3);
  self.turn(1);
  turns(2);
  assert.deepEqual(left.slice(3), ["third"], "twenty milliseconds at most");
  self.turn(20);
  events("fourth", 0);
  turns(2);
  assert.deepEqual(left.slice(4), ["fourth"], "at once after a while");
});

test("what is written piece by piece leaves in one part as long as it fits a block, in order", () => {
  const output = new Output();
  const pieces = Array.from({ length: 60 }, (_, i) => Buffer.alloc(i * 100, i));
  for (const piece of pieces) output.push(piece);
  const parts = output.take();
  assert.equal(parts.length, 1);
  assert.ok(Buffer.concat(pieces).equals(Buffer.from(parts[0]?.bytes as Uint8Array)));
  for (const { release } of parts) release?.();
  for (let i = 0; i < 5; i++) output.push(Buffer.alloc(100_000, i));
  const large = Buffer.concat(output.take().map(({ bytes }) => Buffer.from(bytes)));
  assert.ok(large.equals(Buffer.concat(Array.from({ length: 5 }, (_, i) => Buffer.alloc(100_000, i)))));
});
