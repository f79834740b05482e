import assert from "node:assert/strict";
import { test } from "node:test";
import { TestServer } from "./assembled.fixture.ts";

test("a list that its client does not take in time is cut and counted", async () => {
  await using server = new TestServer();
  await server.start();
  const data = { text: "x".repeat(100_000) };
  for (let i = 0; i < 5; i++) await server.answer("POST", "/api/v1/namespaces/default/configmaps", { metadata: { name: `c${i}` }, data });
  const counted = (): string[] =>
    server.api.metrics
      .expose()
      .split("\n")
      .filter((line) => line.startsWith("apiserver_request_aborts_total{"));
  const target = "/api/v1/namespaces/default/configmaps";
  assert.equal(typeof (await server.answer("GET", target)).items, "object");
  assert.deepEqual(counted(), []);
  const { body, cut } = await server.send("GET", target);
  assert.ok(body && !(body instanceof Uint8Array));
  await body[Symbol.asyncIterator]().next();
  await server.clock.advance(60_000);
  assert.equal(cut?.aborted, true);
  assert.deepEqual(counted(), ['apiserver_request_aborts_total{verb="LIST",group="",version="v1",resource="configmaps",subresource="",scope="namespace"} 1']);
});
