import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "./random.ts";
import { compareBytewise, SortedMap } from "./sorted-map.ts";

const byteOrder = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

test("keys compare as their UTF-8 bytes", () => {
  const keys = ["", "a", "a/b", "a-b", "é", "\uffee", "\u{1f600}", "\u{1f600}a", "z"];
  for (const a of keys) for (const b of keys) assert.equal(Math.sign(compareBytewise(a, b)), Math.sign(byteOrder(a, b)), `${a} ${b}`);
});

test("a random history agrees with a plain map", () => {
  const random = seededRandom(1);
  const map = new SortedMap<number>();
  const plain = new Map<string, number>();
  const key = (): string => `${"abc"[random.int(3)]}/${["", "\u{1f600}", "\uffee"][random.int(30)] ?? ""}${random.int(3000)}`;
  for (let step = 0; step < 20_000; step++) {
    const at = key();
    if (random.int(3) === 0) assert.equal(map.delete(at), plain.delete(at));
    else {
      map.set(at, step);
      plain.set(at, step);
    }
    assert.equal(map.get(at), plain.get(at));
    assert.equal(map.size, plain.size);
    if (step % 500 !== 0) continue;
    const prefix = ["", "a/", "b/1", "c/\u{1f600}", "d"][random.int(5)] as string;
    const after = random.int(2) === 0 ? undefined : key();
    const expected = [...plain.keys()].filter((k) => k.startsWith(prefix) && (after === undefined || byteOrder(k, after) > 0)).sort(byteOrder);
    const seen: string[] = [];
    map.each(prefix, after, (value, k) => {
      assert.equal(value, plain.get(k));
      seen.push(k);
      return true;
    });
    assert.deepEqual(seen, expected);
    assert.equal(map.count(prefix, after), expected.length);
    for (const limit of [0, 1, 5, 700, Number.POSITIVE_INFINITY])
      assert.deepEqual(
        map.values(prefix, after, limit),
        expected.slice(0, limit).map((k) => plain.get(k)),
      );
    assert.deepEqual(
      map.values(prefix),
      [...plain.keys()]
        .filter((k) => k.startsWith(prefix))
        .sort(byteOrder)
        .map((k) => plain.get(k)),
    );
  }
});

test("keys in order and in reverse order are kept in order", () => {
  for (const reverse of [false, true]) {
    const map = new SortedMap<number>();
    for (let i = 0; i < 5000; i++) {
      const n = reverse ? 4999 - i : i;
      map.set(String(n).padStart(5, "0"), n);
    }
    assert.deepEqual(
      map.values(),
      Array.from({ length: 5000 }, (_, i) => i),
    );
  }
});
