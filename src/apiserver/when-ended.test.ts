import assert from "node:assert/strict";
import { test } from "node:test";
import { whenEnded } from "./when-ended.ts";

async function* chunks(fails = false): AsyncGenerator<Uint8Array> {
  yield Buffer.from("one");
  yield Buffer.from("three");
  if (fails) throw new Error("broke");
}

test("the end is told once, with the bytes that were sent, however it comes", async () => {
  const ends: number[] = [];
  const streamed = (body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> =>
    whenEnded({ status: 200, headers: {}, body }, (sent) => ends.push(sent)).body as AsyncIterable<Uint8Array>;
  for await (const _ of streamed(chunks())) assert.deepEqual(ends, []);
  await assert.rejects(async () => {
    for await (const _ of streamed(chunks(true))) assert.equal(ends.length, 1);
  }, /broke/);
  for await (const _ of streamed(chunks())) break;
  const never = streamed(chunks())[Symbol.asyncIterator]();
  await never.return?.();
  await never.return?.();
  whenEnded({ status: 200, headers: {}, body: Buffer.from("whole") }, (sent) => ends.push(sent));
  assert.deepEqual(ends, [8, 8, 3, 0, 5]);
});

test("what broke or was left is told from what is whole", async () => {
  const ends: boolean[] = [];
  const streamed = (body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> =>
    whenEnded({ status: 200, headers: {}, body }, (_, whole) => ends.push(whole)).body as AsyncIterable<Uint8Array>;
  for await (const _ of streamed(chunks()));
  await assert.rejects(async () => {
    for await (const _ of streamed(chunks(true)));
  }, /broke/);
  for await (const _ of streamed(chunks())) break;
  assert.deepEqual(ends, [true, false, false]);
});
