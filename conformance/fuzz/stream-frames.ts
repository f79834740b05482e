/**
 * What a client or a kubelet may send on the streams of exec, attach and port-forward: SPDY/3.1 frames, WebSocket frames with
 * their channels, and between both the translation. The first byte says which; the rest comes in pieces.
 */
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { duplexPair } from "node:stream";
import { settle } from "../../src/base/clock.ts";
import { SpdyConnection } from "../../src/base/spdy/connection.ts";
import { HeaderWriter } from "../../src/base/spdy/headers.ts";
import { subprotocols, translate } from "../../src/apiserver/streaming/remote-command.ts";
import { tunnel } from "../../src/apiserver/streaming/tunnel.ts";
import { accept } from "../../src/apiserver/streaming/websocket.ts";
import { Finding, kindOf, type MakeTarget, type Mutator } from "./target.ts";

const word = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
};
const control = (type: number, flags: number, body: Uint8Array): Buffer => Buffer.concat([word(0x80030000 | type), word((flags << 24) | body.length), body]);
const data = (id: number, flags: number, body: Uint8Array): Buffer => Buffer.concat([word(id), word((flags << 24) | body.length), body]);
const spdy = (which: number, ...frames: Uint8Array[]): Uint8Array => Buffer.concat([Buffer.of(which), ...frames]);
function open(id: number, writer: HeaderWriter, name: string): Buffer {
  return control(1, 0, Buffer.concat([word(id), word(0), Buffer.alloc(2), writer.write({ streamtype: [name] })]));
}
/** A frame of a client, masked with zeros. */
function webSocket(opcode: number, body: Uint8Array, fin = true): Buffer {
  const length =
    body.length < 126
      ? [body.length | 128]
      : body.length < 65536
        ? [126 | 128, body.length >> 8, body.length & 255]
        : [127 | 128, 0, 0, 0, 0, ...word(body.length)];
  return Buffer.concat([Buffer.of((fin ? 128 : 0) | opcode, ...length), Buffer.alloc(4), body]);
}
const text = (value: string): Buffer => Buffer.from(value);
const writer = (): HeaderWriter => new HeaderWriter();
const first = writer();
const seeds = [
  spdy(0, open(1, first, "stdin"), open(3, first, "stdout"), data(1, 0, text("hello")), data(1, 1, text("")), control(6, 0, word(1))),
  spdy(
    0,
    control(2, 0, Buffer.concat([word(2), writer().write({})])),
    data(2, 0, Buffer.alloc(40_000)),
    control(3, 0, Buffer.concat([word(2), word(5)])),
    control(7, 0, Buffer.alloc(8)),
  ),
  spdy(0, open(1, writer(), "x".repeat(30_000)), control(8, 0, word(1)), control(4, 0, Buffer.alloc(12)), control(9, 0, Buffer.alloc(8))),
  // A frame as long as a frame can be.
  spdy(0, data(1, 0, Buffer.alloc(0xffffff))),
  // The kubelet's side of a translation: it takes what we opened and writes to it.
  spdy(
    1,
    control(2, 0, Buffer.concat([word(1), writer().write({})])),
    data(3, 0, text("out")),
    data(1, 1, text('{"status":"Success"}')),
    data(3, 1, text("")),
    data(5, 1, text("")),
  ),
  spdy(1, data(1, 1, text('{"status":"Failure","message":"x"}')), control(7, 0, Buffer.alloc(8))),
  ...[2, 3, 4].flatMap((which) => [
    spdy(
      which,
      webSocket(2, Buffer.from([0, 104, 105])),
      webSocket(2, Buffer.from([4, ...text('{"Width":1,"Height":2}')])),
      webSocket(2, Buffer.from([255, 0])),
      webSocket(8, Buffer.from([3, 232])),
    ),
    spdy(
      which,
      webSocket(1, text("0aGk=")),
      webSocket(9, text("ping")),
      webSocket(2, Buffer.alloc(70_000)),
      webSocket(2, text("a"), false),
      webSocket(0, text("b")),
    ),
  ]),
];

const frameMutator: Mutator = (input, random) => {
  if (input.length < 9) return undefined;
  const bytes = Buffer.from(input);
  const at = 1 + random.int(bytes.length - 8);
  const choice = random.int(5);
  if (choice === 0) bytes.writeUInt32BE((0x80030000 | random.int(11)) >>> 0, at);
  else if (choice === 1) bytes.writeUIntBE(random.int(2 ** (1 + random.int(24))), at + 4, 3);
  else if (choice === 2) bytes[0] = random.int(5);
  else if (choice === 3) bytes[at] = 0x80 | random.int(16);
  else bytes.writeUInt32BE(1 + random.int(8), at);
  return bytes;
};

/** One WebSocket on the server's side, after its handshake; what the client sends is written to `client`. */
async function handshake(protocol: string): Promise<{ client: ReturnType<typeof duplexPair>[0]; socket: Awaited<ReturnType<typeof accept>> }> {
  const [client, server] = duplexPair();
  for (const side of [client, server]) side.on("error", () => {});
  const key = createHash("sha1").update(protocol).digest("base64").slice(0, 22);
  const message = {
    method: "GET",
    url: "/",
    headers: { upgrade: "websocket", connection: "Upgrade", "sec-websocket-key": `${key}==`, "sec-websocket-version": "13" },
    socket: server,
  };
  const socket = await accept(message as unknown as IncomingMessage, server, Buffer.alloc(0), protocol);
  return { client, socket };
}

async function pour(into: ReturnType<typeof duplexPair>[0], input: Uint8Array, piece: number): Promise<void> {
  for (let at = 0, count = 0; at < input.length && !into.destroyed; count++) {
    const to = count > 1100 ? input.length : at + piece;
    into.write(input.subarray(at, to));
    at = to;
    await settle();
  }
}

export const makeTarget: MakeTarget = (random) => ({
  seeds,
  words: ["\x80\x03\x00\x01", "\x80\x03\x00\x02", "\x81", "\x82", "\x88", "\x78\xbb", "\x00\x00\xff\xff"],
  mutators: [frameMutator, frameMutator],
  longest: 20 << 20,
  async run(input) {
    const which = (input[0] ?? 0) % 5;
    const bytes = input.subarray(1);
    const piece = random.next() < 0.3 ? 1 + random.int(100) : 16_384;
    if (which === 0) {
      const [client, server] = duplexPair();
      for (const side of [client, server]) side.on("error", () => {});
      client.resume();
      const connection = new SpdyConnection(server, "server");
      let streams = 0;
      let received = 0;
      let ended: string | undefined;
      connection.on("close", (error) => {
        ended = error?.message ?? "ended";
      });
      connection.on("stream", (stream) => {
        streams++;
        stream.on("error", () => {});
        stream.reply();
        stream.on("data", (chunk: Buffer) => {
          received += chunk.length;
        });
      });
      await pour(client, bytes, piece);
      await settle();
      if (received > bytes.length) throw new Finding(`${received} bytes of ${bytes.length}`);
      connection.close();
      client.destroy();
      await settle();
      if (!connection.closed) throw new Finding("not closed");
      return `spdy ${Math.min(streams, 3)} ${received > 0} ${kindOf(ended ?? "goes on")}`;
    }
    const protocol = which === 4 ? "" : (subprotocols[which - 1] as string);
    const { client, socket } = await handshake(protocol);
    const [kubelet, ours] = duplexPair();
    for (const side of [kubelet, ours]) side.on("error", () => {});
    let out = 0;
    for (const side of [client, kubelet]) {
      side.on("data", (chunk: Buffer) => {
        out += chunk.length;
      });
    }
    let done = "";
    if (which === 4) tunnel(socket, ours, Buffer.alloc(0));
    else
      void translate(socket, protocol, ours, { stdin: true, stdout: true, stderr: true, tty: which === 3 }).then(
        () => {
          done = "done";
        },
        (error: unknown) => {
          done = `rejected ${String(error)}`;
        },
      );
    await pour(which === 1 ? kubelet : client, bytes, piece);
    kubelet.destroy();
    ours.destroy();
    for (let n = 0; n < 5; n++) await settle();
    client.destroy();
    socket.terminate();
    for (let n = 0; n < 5; n++) await settle();
    if (done.startsWith("rejected")) throw new Finding(done);
    return `${which} ${done} ${Math.ceil(Math.log2(out + 1))} ${socket.readyState}`;
  },
});
