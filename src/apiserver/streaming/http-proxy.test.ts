import assert from "node:assert/strict";
import { createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { test } from "node:test";
import type { ApiRequest } from "../../api/exchange.ts";
import { proxyRequest, proxyUpgrade } from "./http-proxy.ts";

test("an upgrade reaches its target with each header line of its own and without credentials", async () => {
  const arrived = Promise.withResolvers<IncomingMessage>();
  const target = createServer().listen(0, "127.0.0.1");
  const front = createServer().listen(0, "127.0.0.1");
  await Promise.all([once(target, "listening"), once(front, "listening")]);
  target.on("upgrade", (call, socket) => {
    socket.end("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n");
    arrived.resolve(call);
  });
  front.on("upgrade", async (call, socket) => {
    const { port } = target.address() as AddressInfo;
    const asked: ApiRequest = {
      method: "GET",
      path: "/live",
      query: new URLSearchParams(),
      headers: { "sec-websocket-protocol": "v5.channel.k8s.io,v4.channel.k8s.io" },
      remoteAddress: "127.0.0.1",
      signal: new AbortController().signal,
    };
    const answer = await proxyUpgrade(call, asked, { scheme: "http", host: "127.0.0.1", port }, "/live");
    answer.socket?.destroy();
    socket.end(`HTTP/1.1 ${answer.response.statusCode} Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n`);
  });
  const { port } = front.address() as AddressInfo;
  const headers = [
    ...["Host", "front", "Connection", "Upgrade", "Upgrade", "chat", "Authorization", "Bearer secret"],
    ...["X-Tag", "one", "X-Tag", "two"],
    ...["Sec-WebSocket-Protocol", "base64url.bearer.authorization.k8s.io.c2VjcmV0, v5.channel.k8s.io, v4.channel.k8s.io"],
  ];
  const call = request({ host: "127.0.0.1", port, headers });
  call.on("upgrade", (_, socket) => socket.destroy());
  call.end();
  const { rawHeaders, url } = await arrived.promise;
  assert.equal(url, "/live");
  const lines = (name: string): string[] => rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === name);
  assert.deepEqual(lines("x-tag"), ["one", "two"]);
  assert.deepEqual(lines("sec-websocket-protocol"), ["v5.channel.k8s.io,v4.channel.k8s.io"]);
  assert.ok(!rawHeaders.includes("Bearer secret"));
  target.close();
  front.close();
});

test("lines of one header stay apart on their way to the target and back", async () => {
  const target = createServer((call, reply) => {
    reply.writeHead(200, [
      "Set-Cookie",
      "a=1; Expires=Sat, 21 Nov 2026 00:00:00 GMT",
      "Set-Cookie",
      "b=2",
      "X-Seen",
      `${call.headersDistinct["x-tag"]?.length}`,
    ]);
    reply.end("ok");
  }).listen(0, "127.0.0.1");
  await once(target, "listening");
  const { port } = target.address() as AddressInfo;
  const request: ApiRequest = {
    method: "GET",
    path: "/proxy/",
    query: new URLSearchParams(),
    headers: { "x-tag": "one, two, three", accept: "*/*" },
    repeatedHeaders: { "x-tag": ["one, two", "three"] },
    remoteAddress: "10.0.0.1",
    signal: new AbortController().signal,
  };
  const answer = await proxyRequest(request, { scheme: "http", host: "127.0.0.1", port }, { path: "/", prefix: "/proxy" });
  assert.deepEqual(answer.repeatedHeaders, { "set-cookie": ["a=1; Expires=Sat, 21 Nov 2026 00:00:00 GMT", "b=2"] });
  assert.equal(answer.headers["x-seen"], "2");
  assert.equal(answer.headers["set-cookie"], undefined);
  for await (const chunk of answer.body as AsyncIterable<Uint8Array>) assert.equal(Buffer.from(chunk).toString(), "ok");
  target.close();
});
