import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { duplexPair } from "node:stream";
import { after, before, test } from "node:test";
import type { ApiRequest, ApiResponse } from "../../api/exchange.ts";
import { decodeWatchFrame } from "../../api/codec/protobuf-envelope.ts";
import { admin, TestServer } from "../assembled.fixture.ts";
import { handshake, orWatch } from "./watch-socket.ts";

const server = new TestServer();
before(() => server.start());
after(() => server[Symbol.asyncDispose]());

const opening = {
  upgrade: "websocket",
  connection: "Upgrade",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  "sec-websocket-version": "13",
  origin: "http://a",
};
const maps = "/api/v1/namespaces/default/configmaps";

function request(headers: Record<string, string | undefined>, signal = new AbortController().signal, query = ""): ApiRequest {
  const all = { ...opening, "user-agent": "test/1", ...headers };
  return { method: "GET", path: maps, query: new URLSearchParams(query), headers: all, user: admin, remoteAddress: "127.0.0.1", signal };
}

interface Open {
  /** Of frames that are whole: how each begins, and what it says. */
  frames(count: number): Promise<{ first: number; payload: Buffer }[]>;
  head: () => string;
  write(bytes: Buffer): void;
  answer: Promise<ApiResponse | undefined>;
}
function open(asked: ApiRequest, hangUp: AbortController): Open {
  const [client, socket] = duplexPair();
  let bytes = Buffer.alloc(0);
  let arrived = Promise.withResolvers<void>();
  client.on("data", (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    arrived.resolve();
    arrived = Promise.withResolvers();
  });
  client.on("close", () => arrived.resolve());
  client.on("end", () => arrived.resolve());
  socket.on("close", () => hangUp.abort());
  const answer = orWatch(server.api.server.handler, () => assert.fail())(asked, { request: {} as IncomingMessage, socket, head: Buffer.alloc(0) });
  const end = (): number => bytes.indexOf("\r\n\r\n") + 4;
  const whole = (): { first: number; payload: Buffer }[] => {
    const found: { first: number; payload: Buffer }[] = [];
    for (let at = end(); at > 3 && at + 2 <= bytes.length; ) {
      const short = bytes[at + 1] as number;
      const from = at + (short === 126 ? 4 : 2);
      const to = from + (short === 126 ? bytes.readUInt16BE(at + 2) : short);
      if (to > bytes.length) break;
      found.push({ first: bytes[at] as number, payload: bytes.subarray(from, to) });
      at = to;
    }
    return found;
  };
  return {
    async frames(count) {
      while (whole().length < count) await arrived.promise;
      return whole();
    },
    head: () => bytes.subarray(0, end()).toString(),
    write: (sent) => client.write(sent),
    answer,
  };
}

test("each event is a message: text of JSON, bytes of protobuf without their length", async () => {
  await server.answer("POST", maps, { metadata: { name: "one" } });
  await server.answer("POST", maps, { metadata: { name: "two" } });
  for (const accept of ["application/json", "application/vnd.kubernetes.protobuf"]) {
    const hangUp = new AbortController();
    const socket = open(request({ accept }, hangUp.signal, "watch=true"), hangUp);
    const frames = await socket.frames(2);
    assert.match(
      socket.head(),
      /^HTTP\/1\.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n\r\n$/,
    );
    const json = accept === "application/json";
    assert.deepEqual(
      frames.map(({ first }) => first),
      json ? [0x81, 0x81] : [0x82, 0x82],
    );
    const types = frames.map(({ payload }) => (json ? JSON.parse(payload.toString()).type : decodeWatchFrame(payload).type));
    assert.deepEqual(types, ["ADDED", "ADDED"]);
    socket.write(Buffer.from([0x88, 0x80, 0, 0, 0, 0]));
    assert.deepEqual((await socket.frames(3))[2], { first: 0x88, payload: Buffer.from([3, 232]) });
    await socket.answer;
  }
});

test("a watch whose time is over is closed as one that ended well", async () => {
  const hangUp = new AbortController();
  const socket = open(request({}, hangUp.signal, "watch=true&timeoutSeconds=5&fieldSelector=metadata.name%3Dnone"), hangUp);
  while (!socket.head().includes("101")) await new Promise(setImmediate);
  await server.clock.advance(5000);
  assert.deepEqual(await socket.frames(1), [{ first: 0x88, payload: Buffer.from([3, 232]) }]);
  await socket.answer;
});

test("what is refused before hands are shaken is answered over HTTP", async () => {
  const hangUp = new AbortController();
  const refusal = await open(request({}, hangUp.signal, "watch=true&labelSelector=a+in"), hangUp).answer;
  assert.equal(refusal?.status, 400);
});

test("hands are shaken with who says where they come from, and offers no choice of subprotocols", () => {
  const head = (headers: Record<string, string | undefined>): string => handshake(request(headers)).head;
  assert.equal(head({ origin: undefined }), "HTTP/1.1 403 Forbidden\r\n\r\n");
  assert.equal(head({ origin: "null" }), "HTTP/1.1 403 Forbidden\r\n\r\n");
  assert.equal(head({ "sec-websocket-key": "" }), "HTTP/1.1 400 Bad Request\r\n\r\nmismatch challenge/response");
  assert.equal(head({ "sec-websocket-version": "8" }), "HTTP/1.1 400 Bad Request\r\nSec-WebSocket-Version: 13\r\n\r\nmissing or bad WebSocket Version");
  assert.equal(head({ "sec-websocket-protocol": "a, b" }), "HTTP/1.1 400 Bad Request\r\n\r\n");
  assert.match(head({ "sec-websocket-protocol": " a " }), /\r\nSec-WebSocket-Protocol: a\r\n\r\n$/);
});
