import assert from "node:assert/strict";
import { test } from "node:test";
import { secondsOf, stepFor } from "./ttl.ts";

const walk = (counts: number[]): number[] => {
  let step = 0;
  return counts.map((count) => {
    step = stepFor(count, step);
    return secondsOf(step);
  });
};

test("secrets are kept the longer the more nodes there are", () => {
  assert.deepEqual(walk([0, 1, 100, 101, 500, 501, 1000, 1001, 2000, 2001]), [0, 0, 0, 15, 15, 30, 30, 60, 60, 300]);
});

test("a node that comes and goes at a boundary changes nothing for the others", () => {
  assert.deepEqual(walk([101, 100, 90, 89, 100, 101]), [15, 15, 15, 0, 0, 15]);
});

test("many nodes that appear at once skip steps", () => {
  assert.deepEqual(walk([5000, 10]), [300, 0]);
});
