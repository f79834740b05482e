import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { TestServer } from "../../assembled.fixture.ts";

const server = new TestServer();
before(() => server.start());
after(() => server[Symbol.asyncDispose]());
const { clock } = server;
const answer = server.answer.bind(server);
const core = "/api/v1/namespaces/default";

test("a pod that needs no budget is evicted though it changes meanwhile", async () => {
  for (let round = 0; round < 5; round++) {
    const name = `moving-${round}`;
    await answer("POST", `${core}/pods`, { metadata: { name }, spec: { containers: [{ name: "c", image: "i" }] } });
    const evicted = answer("POST", `${core}/pods/${name}/eviction`, { apiVersion: "policy/v1", kind: "Eviction", metadata: { name } });
    for (let change = 0; change < 10; change++)
      await answer("PATCH", `${core}/pods/${name}`, { metadata: { labels: { change: `${change}` } } }, "application/merge-patch+json");
    for (let tries = 0; tries < 3; tries++) await clock.advance(600);
    assert.equal((await evicted).http, 201);
  }
});

test("a pod whose metadata no write would leave as it is is not marked, and so not evicted", async () => {
  await answer("POST", `${core}/pods`, { metadata: { name: "odd" }, spec: { containers: [{ name: "c", image: "i" }] } });
  const target = { kind: "Node", name: "n" };
  assert.equal((await answer("POST", `${core}/pods/odd/binding`, { metadata: { name: "odd", annotations: { "Bad Key": "x" } }, target })).http, 201);
  const evict = (dryRun: string[]) => answer("POST", `${core}/pods/odd/eviction`, { metadata: { name: "odd" }, deleteOptions: { dryRun } });
  const refused = await evict([]);
  assert.equal(refused.http, 422);
  assert.match(refused.message ?? "", /^Pod "odd" is invalid: metadata\.annotations: Invalid value: "Bad Key"/);
  assert.equal((await evict(["All"])).http, 201);
});
