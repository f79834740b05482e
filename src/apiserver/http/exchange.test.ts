import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { test } from "node:test";
import { VirtualClock } from "../../base/clock.ts";
import { serveHttp1 } from "./exchange.ts";

test("an answer of which a client takes nothing for a minute is given up", async () => {
  const clock = new VirtualClock();
  const body = Buffer.alloc(64 << 20);
  const server = createServer((message, reply) => {
    void serveHttp1(async () => ({ status: 200, headers: {}, body }), message, reply, { date: () => "", clock });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  client.pause();
  client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const [served] = (await once(server, "connection")) as [import("node:net").Socket];
  while (served.writableLength === 0) await new Promise((resolve) => setImmediate(resolve));
  // The kernel's buffers fill.
  for (let last = -1; served.writableLength !== last; ) {
    last = served.writableLength;
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  }
  const closed = once(served, "close");
  await clock.advance(59_999);
  assert.equal(served.destroyed, false);
  await clock.advance(60_001);
  await closed;
  client.destroy();
  server.close();
});

test("an answer in chunks that is cut breaks off at once, though the client takes nothing, and who makes the chunks is told", async () => {
  const cut = new AbortController();
  const { promise: givenUp, resolve: tell } = Promise.withResolvers<void>();
  async function* chunks(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield Buffer.alloc(1 << 20);
    } finally {
      tell();
    }
  }
  const { promise: served, resolve: done } = Promise.withResolvers<void>();
  const server = createServer((message, reply) => {
    const answer = async () => ({ status: 200, headers: {}, body: chunks(), cut: cut.signal });
    void serveHttp1(answer, message, reply, { date: () => "", clock: new VirtualClock() }).then(done);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  client.pause();
  client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const [socket] = (await once(server, "connection")) as [import("node:net").Socket];
  while (!socket.writableNeedDrain) await new Promise((resolve) => setImmediate(resolve));
  const closed = once(socket, "close");
  cut.abort();
  await Promise.all([closed, givenUp, served]);
  client.destroy();
  server.close();
});
