import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request } from "node:http";
import { type AddressInfo, connect, createServer as createSocketServer } from "node:net";
import { test } from "node:test";
import { text } from "node:stream/consumers";
import { headerLines, relayRefusal } from "./relay.ts";

test("each line of a header is a value of its own", () => {
  const lines = headerLines(["Set-Cookie", "a=1, x", "X", "1", "set-cookie", "b=2"]);
  assert.deepEqual(
    [...lines],
    [
      ["set-cookie", ["a=1, x", "b=2"]],
      ["x", ["1"]],
    ],
  );
});

test("an answer that came in chunks leaves without their framing", async () => {
  const target = createServer((_, reply) => {
    reply.writeHead(403, { "content-type": "text/plain" });
    reply.write("not ");
    reply.end("here");
  }).listen(0, "127.0.0.1");
  const front = createSocketServer((socket) => {
    request({ host: "127.0.0.1", port: (target.address() as AddressInfo).port }, (response) => void relayRefusal(socket, response)).end();
  }).listen(0, "127.0.0.1");
  await Promise.all([once(target, "listening"), once(front, "listening")]);
  const [head, body] = (await text(connect((front.address() as AddressInfo).port, "127.0.0.1"))).split("\r\n\r\n");
  assert.match(head as string, /^HTTP\/1.1 403 Forbidden\r\nConnection: close\r\n/);
  assert.doesNotMatch(head as string, /transfer-encoding/i);
  assert.equal(body, "not here");
  target.close();
  front.close();
});
