import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { duplexPair } from "node:stream";
import { text } from "node:stream/consumers";
import { deflateSync } from "node:zlib";
import { SpdyConnection } from "./connection.ts";
import { dictionary } from "./dictionary.ts";
import { HeaderReader, HeaderWriter } from "./headers.ts";
import type { SpdyStream } from "./stream.ts";

async function pair(): Promise<{ client: SpdyConnection; server: SpdyConnection; raw: Socket; close(): void }> {
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const raw = connect((listener.address() as { port: number }).port, "127.0.0.1");
  const [accepted] = (await once(listener, "connection")) as [Socket];
  const client = new SpdyConnection(raw, "client");
  const server = new SpdyConnection(accepted, "server");
  const close = (): void => {
    client.close();
    server.close();
    listener.close();
  };
  return { client, server, raw, close };
}

test("the dictionary is the specification's", () => {
  assert.equal(dictionary.length, 1423);
});
test("header blocks that share one compression state are read in order", async () => {
  const reader = new HeaderReader();
  const writer = new HeaderWriter();
  assert.deepEqual({ ...(await reader.read(writer.write({ streamtype: ["stdin"] }))) }, { streamtype: ["stdin"] });
  assert.deepEqual({ ...(await reader.read(writer.write({ a: ["1", "2"], b: [""] }))) }, { a: ["1", "2"], b: [""] });
  reader.close();
});
test("a compressed block is read, one that unfolds without bound or is garbage is refused", async () => {
  const block = Buffer.concat([Buffer.from([0, 0, 0, 1, 0, 0, 0, 4]), Buffer.from("host"), Buffer.from([0, 0, 0, 1]), Buffer.from("x")]);
  const good = new HeaderReader();
  assert.deepEqual({ ...(await good.read(deflateSync(block, { dictionary }))) }, { host: ["x"] });
  good.close();
  const garbage = new HeaderReader();
  await assert.rejects(garbage.read(Buffer.from("garbage garbage")));
  garbage.close();
});
test("a header block that unfolds to more than it may is refused and holds nothing up", async () => {
  const bomb = new HeaderReader();
  await assert.rejects(bomb.read(deflateSync(Buffer.alloc(8 << 20), { dictionary })), /header block too large/);
  await assert.rejects(bomb.read(Buffer.from([0])), /header block too large/);
  bomb.close();
});
test("the longest frame there is arrives whole and in pieces as they come, none of them copied", async () => {
  const [transport, other] = duplexPair();
  const connection = new SpdyConnection(transport, "client");
  const stream = connection.open({});
  const content = Buffer.alloc(0xffffff, "k8ts");
  const frame = Buffer.concat([Buffer.from([0, 0, 0, 1, 1, 0xff, 0xff, 0xff]), content]);
  const received: Buffer[] = [];
  for (let at = 0; at < frame.length; at += 4099) {
    other.write(frame.subarray(at, at + 4099));
    const piece = stream.read() ?? (await once(stream, "readable").then(() => stream.read() as Buffer));
    received.push(piece as Buffer);
  }
  assert.ok(Buffer.concat(received).equals(content));
  assert.ok(received.every((piece) => piece.buffer === frame.buffer));
  stream.resume();
  await once(stream, "end");
  connection.close();
});
test("frames in pieces of every size are the frames that were sent", async () => {
  const writer = new HeaderWriter();
  const block = writer.write({ streamtype: ["data"] });
  const syn = Buffer.concat([Buffer.from([0x80, 3, 0, 1, 0, 0, 0, 10 + block.length, 0, 0, 0, 1]), Buffer.alloc(6), block]);
  const frames = Buffer.concat([
    syn,
    Buffer.from([0, 0, 0, 1, 0, 0, 0, 0]),
    Buffer.from("\0\0\0\x01\0\0\0\x05hello\0\0\0\x09\0\0\0\x01?\0\0\0\x01\x01\0\0\x01!"),
  ]);
  for (let size = 1; size <= frames.length; size++) {
    const [transport, other] = duplexPair();
    other.resume();
    const connection = new SpdyConnection(transport, "server");
    const opened = once(connection, "stream") as Promise<[SpdyStream]>;
    for (let at = 0; at < frames.length; at += size) other.write(frames.subarray(at, at + size));
    const [stream] = await opened;
    assert.equal(await text(stream), "hello!", `pieces of ${size}`);
    connection.close();
  }
});
test("streams carry bytes both ways and half-close", async () => {
  const { client, server, close } = await pair();
  server.on("stream", (stream) => {
    stream.reply({ ok: ["yes"] });
    stream.pipe(stream);
  });
  const stream = client.open({ streamtype: ["data"] });
  assert.deepEqual((await stream.replied()).ok, ["yes"]);
  stream.end("x".repeat(200_000));
  assert.equal((await text(stream)).length, 200_000);
  close();
});
test("what is written while a frame is on its way goes together in the next one, whole and in order", async () => {
  const [transport, other] = duplexPair();
  const connection = new SpdyConnection(transport, "client");
  const stream = connection.open({ streamtype: ["stdin"] });
  const lengths: number[] = [];
  const server = new SpdyConnection(other, "server");
  server.on("stream", (accepted) => accepted.on("data", (chunk: Buffer) => lengths.push(chunk.length)));
  const ended = once(server, "stream").then(([accepted]) => once(accepted as SpdyStream, "end"));
  for (let i = 0; i < 1000; i++) stream.write("x");
  stream.end();
  await ended;
  assert.deepEqual(lengths, [1, 999]);
  connection.close();
});
test("a stream that nobody accepts is refused, and a reset reaches the other side", async () => {
  const { client, server, close } = await pair();
  await assert.rejects(client.open({}).replied(), /reset/);
  server.on("stream", (stream) => stream.destroy());
  await assert.rejects(client.open({}).replied(), /reset/);
  close();
});
test("when the connection is cut every stream of it ends", async () => {
  const { client, server, raw, close } = await pair();
  const opened = once(server, "stream") as Promise<[SpdyStream]>;
  const stream = client.open({});
  const [other] = await opened;
  other.reply();
  await stream.replied();
  raw.destroy();
  assert.equal(await text(other), "");
  assert.equal(await text(stream), "");
  assert.equal(server.closed, true);
  close();
});
test("frames that are not SPDY end the connection, not the process", async () => {
  const { server, raw, close } = await pair();
  const ended = once(server, "close");
  raw.write(Buffer.from([0x80, 0x09, 0, 1, 0, 0, 0, 0, 1, 2, 3]));
  const [error] = (await ended) as [Error];
  assert.match(error.message, /SPDY/);
  close();
});

test("half a million empty frames of a stream that nobody knows cost less than a second", async () => {
  const [client, server] = duplexPair();
  client.on("error", () => {});
  client.resume();
  const connection = new SpdyConnection(server, "server");
  const frame = Buffer.from([0, 0, 0, 9, 0, 0, 0, 0]);
  const began = process.cpuUsage();
  client.end(Buffer.alloc(frame.length * 500_000, frame));
  await once(connection, "close");
  const { user, system } = process.cpuUsage(began);
  assert.ok(user + system < 1_000_000, `${user + system} µs of processor time`);
});
