import assert from "node:assert/strict";
import test from "node:test";
import { Arrivals } from "./arrivals.ts";
import { Http2Body } from "./body.ts";
import { Http2Stream } from "./stream.ts";

const outgoing = { closed: false, streamWindow: 65_535, answer: () => {}, head: () => {}, pump: () => {} };

function announced(id: number, contentLength: number): Http2Stream {
  const stream = new Http2Stream({ reset: () => {} }, outgoing, id, { method: "POST", path: "/", contentLength, head: { headers: {} } }, 65_535);
  stream.body = new Http2Body(() => {});
  return stream;
}
function whole(stream: Http2Stream): void {
  stream.body = new Uint8Array(3);
  stream.remoteEnded = true;
}

test("a request that announces a small body begins when it has it whole, others at once", () => {
  const begun: number[] = [];
  const arrivals = new Arrivals(({ id }) => begun.push(id));
  const small = announced(1, 3);
  for (const stream of [small, announced(3, -1), announced(5, 16_385)]) arrivals.add(stream);
  arrivals.begin();
  assert.deepEqual(begun, [3, 5]);
  assert.ok(arrivals.has(small));
  whole(small);
  arrivals.begin();
  assert.deepEqual(begun, [3, 5, 1]);
});

test("what does not come by the end of the turn is not waited for, and each request begins once", async () => {
  const begun: number[] = [];
  const arrivals = new Arrivals(({ id }) => begun.push(id));
  const late = announced(1, 3);
  arrivals.add(late);
  arrivals.begin();
  assert.deepEqual(begun, []);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(begun, [1]);
  whole(late);
  arrivals.begin();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(begun, [1]);
});
