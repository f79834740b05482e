import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { TestServer } from "../assembled.fixture.ts";

const server = new TestServer();
before(() => server.start());
after(() => server[Symbol.asyncDispose]());

const configmaps = "/api/v1/namespaces/default/configmaps";

test("who watches sees the objects of a collection go in its order, also those that wait for finalizers first", async () => {
  const names = ["a", "b", "c", "d", "e"];
  for (const name of names) {
    const finalizers = name === "a" || name === "d" ? ["example.com/f"] : [];
    await server.answer("POST", configmaps, { metadata: { name, finalizers, labels: { all: "" } } });
  }
  const { metadata } = await server.answer("GET", `${configmaps}?labelSelector=all`);
  const { http } = await server.answer("DELETE", `${configmaps}?labelSelector=all`);
  assert.equal(http, 200);
  const events = await server.watched(`${configmaps}?watch=1&labelSelector=all&resourceVersion=${metadata.resourceVersion}`, names.length);
  const told = events.map(({ type, object }) => `${type} ${object.metadata.name}`);
  assert.deepEqual(told, ["MODIFIED a", "DELETED b", "DELETED c", "MODIFIED d", "DELETED e"]);
});

test("a limit below none is no page: what is older than asked for is there, and is another revision", async () => {
  await server.answer("POST", configmaps, { metadata: { name: "newer" } });
  const { http, message } = await server.answer("DELETE", `${configmaps}?limit=-1&resourceVersion=1`);
  assert.equal(http, 409);
  assert.match(message ?? "", /the ResourceVersion in the precondition \(1\) does not match/);
});
