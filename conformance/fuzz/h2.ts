/** What a client of HTTP/2 may send: preface and frames, as bytes. The server answers some requests, reads some bodies, keeps others. */
import { duplexPair } from "node:stream";
import { settle, VirtualClock } from "../../src/base/clock.ts";
import { Http2Body } from "../../src/base/http2/body.ts";
import { Http2Connection } from "../../src/base/http2/connection.ts";
import { ConnectionError, FrameType, fourBytes, frame, frameHead } from "../../src/base/http2/frames.ts";
import { Flusher } from "../../src/base/http2/output.ts";
import type { Http2Stream } from "../../src/base/http2/stream.ts";
import { Finding, kindOf, type MakeTarget, type Mutator } from "./target.ts";

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const settings = frame(FrameType.settings, 0, 0, []);
const get = [0x82, 0x87, 0x84];
const post = [0x83, 0x87, 0x84];
const literal = (name: string, value: string): number[] => [0x40, name.length, ...Buffer.from(name), value.length, ...Buffer.from(value)];
const connect = (...frames: Uint8Array[]): Uint8Array => Buffer.concat([preface, settings, ...frames]);
const headers = (id: number, block: readonly number[], flags = 5): Uint8Array => frame(FrameType.headers, flags, id, block);
const many = (count: number, each: (n: number) => Uint8Array): Uint8Array[] => Array.from({ length: count }, (_, n) => each(n));

const seeds = [
  connect(headers(1, get)),
  connect(
    headers(1, [...post, ...literal("content-length", "5")], 4),
    frame(FrameType.data, 0, 1, Buffer.from("he")),
    frame(FrameType.data, 1, 1, Buffer.from("llo")),
  ),
  connect(frame(FrameType.headers, 1, 1, [0x82]), frame(FrameType.continuation, 0, 1, [0x87]), frame(FrameType.continuation, 4, 1, [0x84])),
  connect(headers(1, get, 0x2d), headers(3, [3, 0, 0, 0, 0, 1, ...get, 0, 0, 0], 0x2d)),
  // Rapid reset, floods, windows and tables.
  connect(...many(300, (n) => Buffer.concat([headers(2 * n + 1, get), frame(FrameType.reset, 0, 2 * n + 1, fourBytes(8))]))),
  connect(...many(500, () => frame(FrameType.ping, 0, 0, new Uint8Array(8)))),
  connect(...many(500, () => frame(FrameType.settings, 0, 0, [0, 4, ...fourBytes(1)]))),
  connect(frame(FrameType.headers, 1, 1, get), ...many(2000, () => frame(FrameType.continuation, 0, 1, []))),
  connect(
    frame(FrameType.headers, 1, 1, [...get, ...literal("a", "x".repeat(100))]),
    ...many(200, () => frame(FrameType.continuation, 0, 1, literal("b", "y".repeat(100)))),
    frame(FrameType.continuation, 4, 1, []),
  ),
  // One long header in the table, referred to again and again.
  connect(headers(1, [...get, ...literal("bomb", "z".repeat(120)), ...Array<number>(16_000).fill(0xbe)])),
  connect(headers(1, [0x3f, 0xe1, 0xff, 0xff, 0xff, 0x0f, ...get])),
  connect(headers(1, post, 4), ...many(600, () => frame(FrameType.data, 8, 1, [255, ...new Uint8Array(255)]))),
  connect(headers(1, post, 4), ...many(600, () => frame(FrameType.data, 0, 1, []))),
  connect(
    frame(FrameType.settings, 0, 0, [0, 4, ...fourBytes(0)]),
    ...many(80, (n) => headers(2 * n + 1, get)),
    ...many(200, () => frame(FrameType.windowUpdate, 0, 1, fourBytes(1))),
  ),
  connect(
    frame(FrameType.windowUpdate, 0, 0, fourBytes(2 ** 31 - 1)),
    frame(FrameType.priority, 0, 3, [0, 0, 0, 3, 1]),
    frame(FrameType.goAway, 0, 0, new Uint8Array(8)),
  ),
  connect(headers(1, [...get, ...literal("te", "gzip"), ...literal("connection", "close"), ...literal("host", "a"), ...literal(":path", "/b")])),
];

interface Part {
  type: number;
  flags: number;
  id: number;
  payload: Uint8Array;
}
function framesOf(input: Uint8Array): Part[] | undefined {
  const bytes = Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  if (bytes.compare(preface, 0, preface.length, 0, preface.length) !== 0) return undefined;
  const parts: Part[] = [];
  for (let at = preface.length; at + frameHead <= bytes.length; ) {
    const end = Math.min(bytes.length, at + frameHead + bytes.readUIntBE(at, 3));
    parts.push({ type: bytes[at + 3] as number, flags: bytes[at + 4] as number, id: bytes.readUInt32BE(at + 5), payload: bytes.subarray(at + frameHead, end) });
    at = end;
  }
  return parts;
}

const frameMutator: Mutator = (input, random) => {
  if (input.length < preface.length) return undefined;
  const parts = framesOf(input);
  if (!parts?.length) return undefined;
  for (let n = 1 + random.int(4); n > 0; n--) {
    const at = random.int(parts.length);
    const part = parts[at];
    if (!part) break;
    const choice = random.int(10);
    if (choice === 0) parts.splice(at, 1);
    else if (choice === 1) parts.splice(random.int(parts.length), 0, { ...part });
    else if (choice === 2) part.type = random.int(11);
    else if (choice === 3) part.flags ^= 1 << random.int(8);
    else if (choice === 4) part.id = [0, 1, 2, 3, 5, 101, part.id + 2, 2 ** 31 - 1][random.int(8)] as number;
    else if (choice === 5) part.payload = random.bytes(random.int(40));
    else if (choice === 6) part.payload = Buffer.concat([part.payload, Buffer.from(literal("a", "b".repeat(random.int(100))))]);
    else if (choice === 7)
      for (let more = 2 ** random.int(9); more > 0; more--) parts.splice(at, 0, { ...part, id: part.id && random.next() < 0.5 ? part.id + 2 * more : part.id });
    else if (choice === 8) part.payload = Buffer.alloc(random.int(16_400), part.payload.length ? part.payload : 0);
    else parts.splice(at, 0, { type: FrameType.windowUpdate, flags: 0, id: part.id, payload: Uint8Array.from(fourBytes(random.int(2 ** 31))) });
  }
  return Buffer.concat([preface, ...parts.slice(0, 4000).map(({ type, flags, id, payload }) => frame(type, flags, id, payload))]);
};

export const makeTarget: MakeTarget = (random) => ({
  seeds,
  mutators: [frameMutator, frameMutator, frameMutator],
  longest: 1 << 20,
  async run(input) {
    const [client, server] = duplexPair();
    for (const side of [client, server]) side.on("error", () => {});
    const errors: unknown[] = [];
    const open = new Set<Http2Stream>();
    let asked = 0;
    let most = 0;
    let held = 0;
    let sent = 0;
    const handler = async (stream: Http2Stream): Promise<void> => {
      const choice = asked++ % 4;
      open.add(stream);
      most = Math.max(most, open.size);
      stream.onAbort = () => open.delete(stream);
      if (choice === 3) return;
      if (choice === 1 && stream.body instanceof Http2Body) await stream.body.whole(1000, () => new Error("too long")).catch(() => {});
      stream.answer(200, ["content-type", "text/plain"], Buffer.alloc(choice * 40_000));
      open.delete(stream);
    };
    const connection = new Http2Connection(server, { handler, flusher: new Flusher(), clock: new VirtualClock(), onError: (error) => errors.push(error) });
    client.on("data", (chunk: Buffer) => {
      sent += chunk.length;
    });
    const piece = 1 + random.int(random.next() < 0.2 ? 64 : 40_000);
    for (let at = 0, written = 0; at < input.length && written < 200; written++) {
      const to = written === 199 ? input.length : at + piece;
      client.write(input.subarray(at, to));
      at = to;
      await settle();
      let now = 0;
      for (const stream of open) now += stream.held;
      held = Math.max(held, now);
    }
    connection.destroy();
    client.destroy();
    await settle();
    if (most > 100) throw new Finding(`${most} streams`);
    if (held > 8 << 20) throw new Finding(`${held} bytes of bodies are held`);
    if (open.size && [...open].some((stream) => !stream.closed)) throw new Finding("a stream outlives its connection");
    for (const error of errors) if (!(error instanceof ConnectionError)) throw error;
    return `${Math.min(asked, 4)} ${Math.ceil(Math.log2(sent + 1))} ${errors.map((error) => kindOf((error as Error).message)).join()}`;
  },
});
