import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "./random.ts";
import { sortFew } from "./sort-few.ts";

test("sorts as the language does, keeping the order of equals", () => {
  const random = seededRandom(1);
  for (let length = 0; length < 40; length++)
    for (let round = 0; round < 10; round++) {
      const list = Array.from({ length }, (_, at) => ({ at, key: Math.floor(random.next() * 8) }));
      const compare = (a: { key: number }, b: { key: number }): number => a.key - b.key;
      assert.deepEqual(sortFew([...list], compare), [...list].sort(compare));
    }
});
