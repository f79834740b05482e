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

const budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
const merge = "application/merge-patch+json";
async function guarded(names: string[], disruptionsAllowed: number, selector: object, labels?: object): Promise<void> {
  for (const name of names) {
    await answer("POST", `${core}/pods`, { metadata: { name, ...(labels ? { labels } : {}) }, spec: { containers: [{ name: "c", image: "i" }] } });
    await answer("PATCH", `${core}/pods/${name}/status`, { status: { phase: "Running", conditions: [{ type: "Ready", status: "True" }] } }, merge);
  }
  await answer("POST", budgets, { metadata: { name: "b" }, spec: { maxUnavailable: 1, selector } });
  const status = { disruptionsAllowed, currentHealthy: 9, desiredHealthy: 1, expectedPods: 9, observedGeneration: 1 };
  assert.equal((await answer("PATCH", `${budgets}/b/status`, { status }, merge)).http, 200);
}
const evict = (name: string) => answer("POST", `${core}/pods/${name}/eviction`, { metadata: { name } });

test("evictions at the same time spend no more than a budget allows, in writes of the server's own", async () => {
  const names = ["a", "b", "c", "d", "e", "f", "g", "h"];
  await guarded(names, 3, { matchLabels: { at: "once" } }, { at: "once" });
  const all = names.map(evict);
  const over = Promise.all(all);
  let done = false;
  void over.then(() => {
    done = true;
  });
  while (!done) {
    await clock.advance(100);
    await new Promise(setImmediate);
  }
  const codes = (await over).map(({ http }) => http).sort();
  assert.deepEqual(codes, [201, 201, 201, 429, 429, 429, 429, 429]);
  const { status, metadata } = await answer("GET", `${budgets}/b`);
  const spent = status as { disruptionsAllowed?: number; disruptedPods?: object; conditions?: { reason?: string }[] };
  assert.equal(spent.disruptionsAllowed, 0);
  assert.equal(Object.keys(spent.disruptedPods ?? {}).length, 3);
  assert.deepEqual(
    spent.conditions?.map(({ reason }) => reason),
    ["InsufficientPods"],
  );
  assert.ok(metadata.managedFields?.some(({ manager, subresource }) => manager === "kube-apiserver" && subresource === "status"));
  await answer("DELETE", `${budgets}/b`);
});

test("a budget that selects everything selects pods without labels", async () => {
  await guarded(["bare"], 0, {});
  assert.equal((await evict("bare")).http, 429);
  await answer("DELETE", `${budgets}/b`);
});

test("of a pod that is not ready and held back by nobody, the version that is there goes, whichever was asked for", async () => {
  await guarded(["unready"], 0, { matchLabels: { is: "unready" } }, { is: "unready" });
  await answer("PATCH", `${core}/pods/unready/status`, { status: { conditions: [] } }, merge);
  const body = { metadata: { name: "unready" }, deleteOptions: { preconditions: { resourceVersion: "1" } } };
  assert.equal((await answer("POST", `${core}/pods/unready/eviction`, body)).http, 201);
});
