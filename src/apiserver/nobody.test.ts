import assert from "node:assert/strict";
import { test } from "node:test";
import { admin, TestServer } from "./assembled.fixture.ts";

test("the connection of who is nobody ends with the answer, that of everybody else stays", async () => {
  await using server = new TestServer();
  await server.start();
  const ask = async (headers: Record<string, string>, user?: typeof admin) => {
    const request = { method: "GET", path: "/version", query: new URLSearchParams(), headers, remoteAddress: "127.0.0.1" };
    const { status, last } = await server.api.server.handler({ ...request, ...(user ? { user } : {}), signal: new AbortController().signal });
    return [status, last];
  };
  assert.deepEqual(await ask({}), [200, true]);
  assert.deepEqual(await ask({ authorization: "Bearer none" }), [401, true]);
  assert.deepEqual(await ask({}, admin), [200, undefined]);
});
