import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:http2";
import { type Duplex, duplexPair } from "node:stream";
import test from "node:test";
import { settle, VirtualClock } from "../clock.ts";
import { Http2Connection } from "./connection.ts";
import { Flusher } from "./output.ts";
import type { Http2Stream } from "./stream.ts";

interface Served {
  client: Duplex;
  server: Duplex;
  clock: VirtualClock;
}

function serve(handler: (stream: Http2Stream) => Promise<void>): Served {
  const [client, server] = duplexPair();
  const clock = new VirtualClock();
  for (const side of [client, server]) side.on("error", () => {});
  new Http2Connection(server, { handler, flusher: new Flusher(), clock, onError: () => {} });
  return { client, server, clock };
}

test("who does not greet is cut after ten seconds, and who is silent after that when it did nothing for ninety", async () => {
  const silent = serve(async () => {});
  silent.client.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  await silent.clock.advance(9_999);
  assert.equal(silent.server.destroyed, false);
  await silent.clock.advance(1);
  assert.equal(silent.server.destroyed, true);

  const idle = serve(async (stream) => stream.answer(204, []));
  const peer = connect("http://localhost", { createConnection: () => idle.client });
  await once(peer, "remoteSettings");
  await idle.clock.advance(60_000);
  const stream = peer.request({ ":path": "/" });
  stream.resume();
  await once(stream, "close");
  const goodbye = once(peer, "goaway");
  await idle.clock.advance(90_000);
  assert.equal(idle.server.writableEnded, false);
  await idle.clock.advance(60_000);
  const [code] = (await goodbye) as [number];
  assert.equal(code, 0);
  assert.equal(idle.server.destroyed, true);
});

test("a stream that is open keeps its connection, for as long as it lasts", async () => {
  const { client, server, clock } = serve(async (stream) => stream.begin(200, []));
  const peer = connect("http://localhost", { createConnection: () => client });
  const stream = peer.request({ ":path": "/watch" });
  await once(stream, "response");
  await clock.advance(3_600_000);
  assert.equal(server.destroyed, false);
  assert.equal(stream.closed, false);
  peer.destroy();
});

test("an answer of which nothing is taken is given up", async () => {
  const aborted = Promise.withResolvers<Error>();
  const { client, clock } = serve(async (stream) => {
    stream.onAbort = aborted.resolve;
    stream.answer(200, [], Buffer.alloc(1_000_000));
  });
  const peer = connect("http://localhost", { createConnection: () => client });
  const stream = peer.request({ ":path": "/" });
  stream.on("error", () => {});
  await once(stream, "response");
  // It reads the window's worth into its own buffer, and no more.
  for (let i = 0; i < 5; i++) await settle();
  await clock.advance(60_000);
  assert.equal(stream.closed, false);
  const closed = once(stream, "close");
  await clock.advance(60_000);
  stream.resume();
  await closed;
  assert.equal(stream.rstCode, 8);
  peer.destroy();
});

test("a peer that does not hang up is hung up on", async () => {
  const { client, server, clock } = serve(async () => {});
  client.resume();
  client.write("GET / HTTP/1.1\r\n\r\n".padEnd(30));
  await once(client, "end");
  assert.equal(server.destroyed, false);
  await clock.advance(1000);
  assert.equal(server.destroyed, true);
});
