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
