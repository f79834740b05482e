/** Frames that make no sense, as a peer that means harm sends them: nothing breaks, nothing grows. */
import assert from "node:assert/strict";
import { duplexPair } from "node:stream";
import test from "node:test";
import { settle, VirtualClock } from "../clock.ts";
import { type Random, seededRandom } from "../random.ts";
import { Http2Body } from "./body.ts";
import { Http2Connection } from "./connection.ts";
import { FrameType, fourBytes, frame } from "./frames.ts";
import { Flusher } from "./output.ts";
import type { Http2Stream } from "./stream.ts";

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const get = [0x82, 0x87, 0x84];
const post = [0x83, 0x87, 0x84];
const types = Object.values(FrameType);

/** One frame: mostly near to what is allowed, so that it gets far. */
function noise(random: Random, next: { stream: number }): Uint8Array {
  const pick = <T>(of: readonly T[]): T => of[random.int(of.length)] as T;
  const known = 1 + 2 * random.int(Math.max(1, (next.stream - 1) / 2));
  const kind = random.int(12);
  if (kind < 4) {
    const id = next.stream;
    next.stream += 2;
    return frame(FrameType.headers, pick([4, 5, 5, 5, 0x25]), id, [
      ...(kind === 3 ? [0, 0, 0, 0, 1] : []),
      ...pick([get, post, [...get, ...random.bytes(20)]]),
    ]);
  }
  if (kind < 6) return frame(FrameType.data, pick([0, 1, 8]), known, random.bytes(random.int(200)));
  if (kind === 6) return frame(FrameType.windowUpdate, 0, pick([0, known]), fourBytes(pick([1, 65_535, 2 ** 30, random.int(2 ** 31)])));
  if (kind === 7) return frame(FrameType.reset, 0, known, fourBytes(random.int(14)));
  if (kind === 8) return frame(FrameType.settings, random.int(2), 0, [0, random.int(8), ...fourBytes(random.int(2 ** 32))]);
  if (kind === 9) return frame(FrameType.ping, 0, 0, random.bytes(8));
  if (kind === 10) return frame(pick(types), random.int(256), random.int(2 * next.stream), random.bytes(random.int(40)));
  return random.bytes(random.int(30));
}

/** Sends the chunks to a server that answers some of its requests and keeps others. Gives what it kept of bodies at most. */
async function send(random: Random, chunks: readonly Uint8Array[]): Promise<{ open: number; held: number; errors: unknown[] }> {
  const [client, server] = duplexPair();
  for (const side of [client, server]) side.on("error", () => {});
  const errors: unknown[] = [];
  const open = new Set<Http2Stream>();
  let most = 0;
  let held = 0;
  const handler = async (stream: Http2Stream): Promise<void> => {
    open.add(stream);
    most = Math.max(most, open.size);
    stream.onAbort = () => open.delete(stream);
    const choice = random.int(3);
    if (choice === 0) return;
    if (choice === 1 && stream.body instanceof Http2Body) await stream.body.whole(1000, () => new Error("too long")).catch(() => {});
    stream.answer(200, ["content-type", "text/plain"], Buffer.alloc(random.int(3) * 40_000));
    open.delete(stream);
  };
  new Http2Connection(server, { handler, flusher: new Flusher(), clock: new VirtualClock(), onError: (error) => errors.push(error) });
  client.resume();
  for (const chunk of chunks) {
    client.write(chunk);
    await settle();
    held = Math.max(
      held,
      [...open].reduce((sum, stream) => sum + stream.held, 0),
    );
  }
  client.destroy();
  await settle();
  return { open: most, held, errors };
}

test("random frames and bytes end in a GOAWAY or an answer, within the bounds on streams and bodies", async () => {
  const reasons = new Set<string>();
  for (let seed = 0; seed < 300; seed++) {
    const random = seededRandom(seed);
    const next = { stream: 1 };
    const frames = Array.from({ length: 60 }, () => noise(random, next));
    const bytes = Buffer.concat([preface, frame(FrameType.settings, 0, 0, []), ...frames]);
    const chunks: Buffer[] = [];
    for (let at = 0; at < bytes.length; ) {
      const to = at + 1 + random.int(400);
      chunks.push(bytes.subarray(at, to));
      at = to;
    }
    const { open, held, errors } = await send(random, chunks);
    assert.ok(open <= 100, `seed ${seed}: ${open} streams`);
    assert.ok(held <= 8 << 20, `seed ${seed}: ${held} bytes`);
    for (const error of errors) {
      assert.equal((error as Error).name, "ConnectionError", `seed ${seed}: ${error}`);
      reasons.add((error as Error).message.replace(/\d+/g, "N"));
    }
  }
  assert.ok(reasons.size > 8, `the noise reached little: ${[...reasons].join(", ")}`);
});

test("floods of frames that ask for answers which nobody reads end the connection", async () => {
  const ping = frame(FrameType.ping, 0, 0, new Uint8Array(8));
  const settings = frame(FrameType.settings, 0, 0, []);
  for (const asked of [ping, settings]) {
    const [client, server] = duplexPair();
    for (const side of [client, server]) side.on("error", () => {});
    const errors: unknown[] = [];
    new Http2Connection(server, { handler: async () => {}, flusher: new Flusher(), clock: new VirtualClock(), onError: (error) => errors.push(error) });
    client.write(Buffer.concat([preface, settings]));
    const many = Buffer.concat(Array.from({ length: 1000 }, () => asked));
    let unread = 0;
    for (let i = 0; i < 400 && !errors.length; i++) {
      client.write(many);
      await settle();
      unread = Math.max(unread, server.writableLength);
    }
    assert.match(String(errors[0]), /acknowledgements are asked for and not read/);
    assert.ok(unread < 2 << 20, `${unread} bytes wait`);
    client.destroy();
  }
});
