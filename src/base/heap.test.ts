import assert from "node:assert/strict";
import { test } from "node:test";
import { Heap } from "./heap.ts";
import { seededRandom } from "./random.ts";

test("items come out in order, however they went in", () => {
  const random = seededRandom(1);
  const heap = new Heap<number>((a, b) => a < b);
  const plain: number[] = [];
  for (let step = 0; step < 5000; step++) {
    if (random.int(3) > 0) {
      const n = random.int(1000);
      heap.push(n);
      plain.push(n);
    } else {
      plain.sort((a, b) => b - a);
      assert.equal(heap.peek(), plain.at(-1));
      assert.equal(heap.pop(), plain.pop());
    }
    assert.equal(heap.size, plain.length);
  }
});
