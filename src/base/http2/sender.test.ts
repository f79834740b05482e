import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import { test } from "node:test";
import { Flusher } from "./output.ts";
import { Sender } from "./sender.ts";
import { Http2Stream } from "./stream.ts";

/** A connection whose socket takes what it is given when told to. */
function connection() {
  const written: Uint8Array[] = [];
  let take = (): void => undefined;
  const socket = new Duplex({
    highWaterMark: 16_384,
    read: () => undefined,
    write(chunk: Uint8Array, _, done) {
      written.push(chunk);
      take = done;
    },
    writev(parts, done) {
      written.push(Buffer.concat(parts.map(({ chunk }) => chunk)));
      take = done;
    },
  });
  const flusher = new Flusher(undefined, { now: () => 0, soon: () => undefined, after: () => undefined });
  const sender = new Sender(socket, flusher, () => undefined);
  sender.streamWindow = 1 << 20;
  sender.widen(1 << 20);
  const read = { method: "GET", path: "/", contentLength: -1, head: { headers: {} } };
  const stream = new Http2Stream({ reset: () => undefined }, sender, 1, read, 0);
  return { written, sender, stream, take: () => take() };
}

test("what several connections send leaves as the same bytes, also where a full socket has held it back", async () => {
  const all = Array.from({ length: 3 }, connection);
  const [first, chunk] = [Buffer.alloc(20_000, "a"), Buffer.alloc(130_000, "b")];
  for (const { stream, sender } of all) {
    assert.ok(stream.write(first));
    sender.flush();
    assert.ok(!stream.write(chunk), "the socket is full");
  }
  for (const { stream, sender, take } of all) {
    const drained = stream.drained();
    take();
    await drained;
    sender.flush();
  }
  const [, second, third] = all.map(({ written }) => written[1]);
  assert.equal(second?.length, chunk.length + 8 * 9);
  assert.equal(third, second);
});
