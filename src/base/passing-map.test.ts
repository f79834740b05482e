import assert from "node:assert/strict";
import { test } from "node:test";
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { PassingMap } from "./passing-map.ts";

test("holds what was set, in the order in which the keys came", () => {
  const map = new PassingMap<string, number>();
  map.set("b", 1);
  map.set("a", 2);
  map.set("b", 3);
  assert.deepEqual([...map.keys()], ["b", "a"]);
  assert.deepEqual([...map.values()], [3, 2]);
  assert.equal(map.size, 2);
  assert.equal(map.get("b"), 3);
  assert.equal(map.delete("b"), true);
  assert.equal(map.delete("b"), false);
  assert.equal(map.has("b"), false);
  assert.equal(map.get("b"), undefined);
  map.clear();
  assert.deepEqual([map.size, map.get("a")], [0, undefined]);
});

test("what is deleted while the values are walked through does not come", () => {
  const map = new PassingMap<number, string>();
  for (const key of [1, 2, 3]) map.set(key, `value ${key}`);
  const seen: string[] = [];
  for (const value of map.values()) {
    seen.push(value);
    map.delete(2);
  }
  assert.deepEqual(seen, ["value 1", "value 3"]);
});

test("what passes through is let go by collections of the young generation", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as (options: { type: "minor" | "major" }) => void;
  const oldSpace = (): number => getHeapSpaceStatistics().find(({ space_name }) => space_name === "old_space")?.space_used_size ?? 0;
  const map = new PassingMap<number, object>();
  collect({ type: "major" });
  const before = oldSpace();
  for (let key = 0; key < 20_000; key++) {
    map.set(key, new Array(100).fill(key));
    map.delete(key - 32);
    if (key % 200 === 0) collect({ type: "minor" });
  }
  // Of a Map all of the 16 MB that pass do.
  assert.ok(oldSpace() - before < 2_000_000, `${oldSpace() - before} bytes have become old`);
});
