import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientHttp2Session, connect } from "node:http2";
import { type Duplex, duplexPair } from "node:stream";
import test from "node:test";
import { VirtualClock } from "../clock.ts";
import { Http2Body } from "./body.ts";
import { type ConnectionOptions, Http2Connection } from "./connection.ts";
import { ErrorCode, FrameType, fourBytes, frame, frameHead } from "./frames.ts";
import { Flusher } from "./output.ts";
import type { Http2Stream } from "./stream.ts";

type Handler = ConnectionOptions["handler"];

function serve(handler: Handler, options: Partial<ConnectionOptions> = {}): { client: Duplex; connection: Http2Connection; errors: unknown[] } {
  const [client, server] = duplexPair();
  const errors: unknown[] = [];
  server.on("error", () => {});
  // A socket copies what it is given; this pair hands the very bytes on.
  const write = server.write.bind(server) as (chunk: Uint8Array, done?: () => void) => boolean;
  server.write = (chunk: Uint8Array, done?: unknown) => write(Buffer.from(chunk), done as () => void);
  const connection = new Http2Connection(server, {
    handler,
    flusher: new Flusher(),
    clock: new VirtualClock(),
    onError: (error) => errors.push(error),
    ...options,
  });
  return { client, connection, errors };
}

function session(client: Duplex, settings = {}): ClientHttp2Session {
  return connect("http://localhost", { createConnection: () => client, settings });
}

interface Answer {
  status: number;
  body: Buffer;
  headers: Record<string, unknown>;
}
async function ask(client: ClientHttp2Session, headers: Record<string, string>, body?: Buffer): Promise<Answer> {
  const stream = client.request(headers, { endStream: body === undefined });
  if (body) stream.end(body);
  const chunks: Buffer[] = [];
  let answer: Record<string, unknown> = {};
  stream.on("response", (given) => {
    answer = given;
  });
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(stream, "close");
  return { status: Number(answer[":status"]), headers: answer, body: Buffer.concat(chunks) };
}

const bodyOf = async ({ body }: Http2Stream): Promise<Uint8Array> =>
  body instanceof Http2Body ? body.whole(1 << 30, () => new Error("too long")) : (body ?? Buffer.alloc(0));

test("bodies of every size travel both ways within the windows of node's client", async () => {
  const { client } = serve(async (stream) => stream.answer(200, ["x-path", stream.read.path], await bodyOf(stream)));
  const peer = session(client);
  for (const size of [0, 1, 16_383, 16_384, 16_385, 65_535, 65_536, 3_000_000]) {
    const sent = Buffer.alloc(size, `${size} `);
    const answer = await ask(peer, { ":method": "POST", ":path": `/${size}` }, sent);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers["x-path"], `/${size}`);
    assert.ok(answer.body.equals(sent), String(size));
  }
  const many = await Promise.all(Array.from({ length: 100 }, (_, i) => ask(peer, { ":method": "PUT", ":path": "/" }, Buffer.alloc(i * 2000, i))));
  for (const [i, { body }] of many.entries()) assert.ok(body.equals(Buffer.alloc(i * 2000, i)));
  peer.destroy();
});

test("what many connections are sent under the same stream number, and under others, comes to each whole", async () => {
  const pieces = [5_000, 16_384, 40_000].map((size, i) => Buffer.alloc(size, `${i} `));
  const whole = Buffer.concat(pieces);
  const peers = Array.from({ length: 4 }, () => {
    const { client } = serve(async (stream) => {
      stream.begin(200, []);
      for (const piece of pieces) if (!stream.write(piece)) await stream.drained();
      stream.end();
    });
    return session(client, { initialWindowSize: 1 << 20 });
  });
  for (let round = 0; round < 3; round++) {
    const answers = await Promise.all(peers.map((peer) => ask(peer, { ":path": "/" })));
    for (const { body } of answers) assert.ok(body.equals(whole));
  }
  for (const peer of peers) peer.destroy();
});

test("a stream is written as far as its reader reads, and ends", async () => {
  let waits = 0;
  const { client } = serve(async (stream) => {
    stream.begin(200, []);
    for (let i = 0; i < 50; i++)
      if (!stream.write(Buffer.alloc(50_000, i))) {
        waits++;
        await stream.drained();
      }
    stream.end();
  });
  const peer = session(client);
  const { body } = await ask(peer, { ":path": "/" });
  assert.equal(body.length, 2_500_000);
  assert.equal(body[2_499_999], 49);
  assert.ok(waits > 0);
  peer.destroy();
});

test("a client without a header table is told that none is used", async () => {
  const { client } = serve(async (stream) => stream.answer(404, ["content-type", "text/plain"], Buffer.from("x")));
  const peer = session(client, { headerTableSize: 0 });
  await once(peer, "localSettings");
  assert.equal((await ask(peer, { ":path": "/" })).headers["content-type"], "text/plain");
  peer.destroy();
});

test("a client that goes away aborts its stream once, and the body that it was sending", async () => {
  const aborted: string[] = [];
  const ended = Promise.withResolvers<void>();
  const { client } = serve(async (stream) => {
    stream.onAbort = (error) => aborted.push(error.message);
    await assert.rejects(bodyOf(stream), /went away/);
    ended.resolve();
  });
  const peer = session(client);
  const stream = peer.request({ ":method": "POST", ":path": "/" }, { endStream: false });
  stream.on("error", () => {});
  stream.write("abc", () => peer.destroy());
  await ended.promise;
  assert.deepEqual(aborted, ["the client went away"]);
});

test("the rest of a body that was answered before its end is dropped, and later bodies have the window all the same", async () => {
  const { client } = serve(async (stream) => stream.answer(413, []));
  const peer = session(client);
  for (let i = 0; i < 20; i++) assert.equal((await ask(peer, { ":method": "POST", ":path": "/" }, Buffer.alloc(900_000))).status, 413);
  peer.destroy();
});

test("shutting down lets a running request finish and refuses the next", async () => {
  const go = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const { client, connection } = serve(async (stream) => {
    begun.resolve();
    await go.promise;
    stream.answer(200, [], Buffer.from("done"));
  });
  const peer = session(client);
  const running = ask(peer, { ":path": "/" });
  await begun.promise;
  connection.shutdown();
  go.resolve();
  assert.equal((await running).body.toString(), "done");
  if (!peer.closed) await once(peer, "close");
});

/** With the SETTINGS that must follow it. */
const preface = Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(FrameType.settings, 0, 0, [])]);
/** :method GET, :scheme https, :path /. */
const get = [0x82, 0x87, 0x84];

/** Everything that comes until the server ends the connection: frames as type, stream and, where there is one, error code. */
async function talk(frames: Uint8Array[], handler: Handler = async () => {}): Promise<string[]> {
  const { client } = serve(handler);
  client.on("error", () => {});
  const chunks: Buffer[] = [];
  client.on("data", (chunk: Buffer) => chunks.push(chunk));
  client.write(Buffer.concat([preface, ...frames]));
  await Promise.race([once(client, "end"), new Promise((resolve) => setImmediate(() => setImmediate(() => setImmediate(resolve))))]);
  client.destroy();
  const bytes = Buffer.concat(chunks);
  const seen: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUIntBE(at, 3);
    const type = bytes[at + 3] as number;
    const stream = bytes.readUInt32BE(at + 5);
    const payload = bytes.subarray(at + frameHead, at + frameHead + length);
    if (type === FrameType.goAway) seen.push(`goaway ${payload.readUInt32BE(4)}`);
    else if (type === FrameType.reset) seen.push(`reset ${stream} ${payload.readUInt32BE(0)}`);
    else if (type !== FrameType.settings && type !== FrameType.windowUpdate) seen.push(`${type} ${stream}`);
    at += frameHead + length;
  }
  return seen;
}

test("who breaks the protocol is told how, and cut", async () => {
  const cases: [string, Uint8Array[], string[]][] = [
    ["data of an idle stream", [frame(FrameType.data, 0, 1, [1])], [`goaway ${ErrorCode.protocol}`]],
    ["headers of an even stream", [frame(FrameType.headers, 5, 2, get)], [`goaway ${ErrorCode.protocol}`]],
    ["a frame inside a header block", [frame(FrameType.headers, 1, 1, get), frame(FrameType.ping, 0, 0, new Uint8Array(8))], [`goaway ${ErrorCode.protocol}`]],
    ["a continuation of nothing", [frame(FrameType.continuation, 4, 1, get)], [`goaway ${ErrorCode.protocol}`]],
    ["headers that cannot be read", [frame(FrameType.headers, 5, 1, [0xff, 0xff, 0xff, 0xff])], [`goaway ${ErrorCode.compression}`]],
    ["settings of a wrong size", [frame(FrameType.settings, 0, 0, [1])], [`goaway ${ErrorCode.frameSize}`]],
    ["a window of nothing", [frame(FrameType.windowUpdate, 0, 0, fourBytes(0))], [`goaway ${ErrorCode.protocol}`]],
    ["a window without end", [frame(FrameType.windowUpdate, 0, 0, fourBytes(2 ** 31 - 1))], [`goaway ${ErrorCode.flowControl}`]],
    ["an acknowledgement of nothing", [frame(FrameType.settings, 1, 0, []), frame(FrameType.settings, 1, 0, [])], [`goaway ${ErrorCode.protocol}`]],
    ["a priority that waits for itself", [frame(FrameType.priority, 0, 1, [0, 0, 0, 1, 9])], [`goaway ${ErrorCode.protocol}`]],
    ["a push", [frame(FrameType.pushPromise, 0, 1, [])], [`goaway ${ErrorCode.protocol}`]],
    ["more padding than frame", [frame(FrameType.headers, 13, 1, [9, ...get])], [`goaway ${ErrorCode.protocol}`]],
    [
      "endless continuations",
      [frame(FrameType.headers, 1, 1, get), ...Array.from({ length: 130 }, () => frame(FrameType.continuation, 0, 1, []))],
      [`goaway ${ErrorCode.enhanceYourCalm}`],
    ],
  ];
  for (const [name, frames, expected] of cases) assert.deepEqual(await talk(frames), expected, name);
});

test("a request that is malformed is reset, and the next one is served", async () => {
  const text = (value: string): number[] => [value.length, ...Buffer.from(value)];
  const literal = (name: string, value: string): number[] => [0, ...text(name), ...text(value)];
  const handler: Handler = async (stream) => stream.answer(204, []);
  const bad = [
    [0x82, 0x84],
    [...get, 0x82],
    [...get, ...literal("Upper", "x")],
    [...get, ...literal("connection", "close")],
    [...get, ...literal("te", "gzip")],
    [...get, ...literal("x", "a\nb")],
    [...literal("x", "y"), ...get],
    [...get, ...literal("content-length", "5")],
    [0x82, 0x87, 0x04, ...text("/a b")],
  ];
  assert.deepEqual(await talk([frame(FrameType.headers, 0x25, 1, [0, 0, 0, 1, 9, ...get])], handler), [`reset 1 ${ErrorCode.protocol}`]);
  for (const block of bad)
    assert.deepEqual(
      await talk([frame(FrameType.headers, 5, 1, block), frame(FrameType.headers, 5, 3, get)], handler),
      [`reset 1 ${ErrorCode.protocol}`, `${FrameType.headers} 3`],
      String(block),
    );
});

test("streams that are opened and reset without a pause end the connection while their requests still run", async () => {
  const never = new Promise<void>(() => {});
  const frames = Array.from({ length: 600 }, (_, i) => frame(FrameType.headers, 5, 2 * i + 1, get));
  const seen = await talk(frames, () => never);
  assert.equal(seen.filter((one) => one === `reset ${2 * 599 + 1} ${ErrorCode.refusedStream}`).length, 1);
  // One chunk each, so that every request is begun before it is reset.
  const { client, errors } = serve(() => never);
  client.on("error", () => {});
  client.resume();
  client.write(preface);
  for (let i = 0; i < 600; i++) {
    client.write(Buffer.concat([frame(FrameType.headers, 5, 2 * i + 1, get)]));
    client.write(frame(FrameType.reset, 0, 2 * i + 1, fourBytes(8)));
  }
  await once(client, "end");
  assert.match(String(errors[0]), /reset too fast/);
});

test("streams that the server is made to reset without a pause end the connection as well", async () => {
  const { client, errors } = serve(() => new Promise<void>(() => {}));
  client.on("error", () => {});
  client.resume();
  client.write(preface);
  for (let i = 0; i < 600; i++) {
    client.write(Buffer.concat([frame(FrameType.headers, 5, 2 * i + 1, get)]));
    client.write(frame(FrameType.windowUpdate, 0, 2 * i + 1, fourBytes(0)));
  }
  await once(client, "end");
  assert.match(String(errors[0]), /reset too fast/);
});

test("a body longer or shorter than it was said to be is refused", async () => {
  const length = [0x0f, 13, 1, 0x33];
  const post = [0x83, 0x87, 0x84, ...length];
  const handler: Handler = async (stream) => {
    await bodyOf(stream).catch(() => {});
  };
  for (const data of [
    [1, 2],
    [1, 2, 3, 4],
  ])
    assert.deepEqual(await talk([frame(FrameType.headers, 4, 1, post), frame(FrameType.data, 1, 1, data)], handler), [`reset 1 ${ErrorCode.protocol}`]);
});

test("what comes for a stream that is over is answered as such; after a reset of ours it is left alone", async () => {
  const answered = Promise.withResolvers<void>();
  const late = async (frames: Uint8Array[], answer: (stream: Http2Stream) => void): Promise<string[]> => {
    const { client } = serve(async (stream) => {
      answer(stream);
      setImmediate(answered.resolve);
    });
    const chunks: Buffer[] = [];
    client.on("error", () => {});
    client.on("data", (chunk: Buffer) => chunks.push(chunk));
    client.write(Buffer.concat([preface, frame(FrameType.headers, 5, 1, get)]));
    await answered.promise;
    await new Promise(setImmediate);
    const before = Buffer.concat(chunks).length;
    client.write(Buffer.concat(frames));
    for (let i = 0; i < 4; i++) await new Promise(setImmediate);
    client.destroy();
    const frame1 = Buffer.concat(chunks).subarray(before);
    return frame1.length ? [`${frame1[3]} ${frame1.readUInt32BE(frame1.length - 4)}`] : [];
  };
  const done = (stream: Http2Stream): void => stream.answer(204, []);
  const broken = (stream: Http2Stream): void => stream.reset();
  const data = frame(FrameType.data, 0, 1, [1]);
  const trailers = frame(FrameType.headers, 5, 1, get);
  assert.deepEqual(await late([data], done), [`${FrameType.reset} ${ErrorCode.streamClosed}`]);
  assert.deepEqual(await late([trailers], done), [`${FrameType.goAway} ${ErrorCode.streamClosed}`]);
  assert.deepEqual(await late([data], broken), []);
  assert.deepEqual(await late([trailers], broken), []);
});

test("headers beyond the limit are answered with 431, and the next request is served", async () => {
  // Each counts 32 bytes more than its text.
  const lines = Buffer.concat(Array.from({ length: 3000 }, () => [0, 1, 0x78, 1, 0x76]).map((line) => Buffer.from(line)));
  const long = Array.from({ length: 11 }, (_, i) => frame(FrameType.continuation, i === 10 ? 4 : 0, 1, lines));
  const seen = await talk([frame(FrameType.headers, 1, 1, get), ...long, frame(FrameType.headers, 5, 3, get)], async (stream) => stream.answer(200, []));
  assert.deepEqual(seen, [`${FrameType.headers} 1`, `${FrameType.data} 1`, `${FrameType.headers} 3`]);
});

test("a body that comes in a chunk of its own, in the same turn as the headers, is whole when the request begins", async () => {
  const bodies: unknown[] = [];
  const { client } = serve(async (stream) => void bodies.push(stream.body));
  const post = [0x83, 0x87, 0x84, 0x0f, 13, 1, 0x33];
  client.write(preface);
  client.write(Buffer.concat([frame(FrameType.headers, 4, 1, post)]));
  client.write(Buffer.concat([frame(FrameType.data, 1, 1, [1, 2, 3])]));
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  assert.deepEqual(bodies, [Buffer.from([1, 2, 3])]);
  client.destroy();
});
