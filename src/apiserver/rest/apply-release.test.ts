import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { TestServer } from "../assembled.fixture.ts";

const server = new TestServer();
before(() => server.start());
after(() => server[Symbol.asyncDispose]());
const answer = server.answer.bind(server);
const apply = "application/apply-patch+yaml";

test("whoever applies a name alone, in whatever version, gives up all and the object stays", async () => {
  const free = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
  const version = (name: string, storage: boolean) => ({ name, served: true, storage, schema: { openAPIV3Schema: free } });
  const names = { plural: "things", kind: "Thing" };
  const spec = { group: "x.example.com", scope: "Namespaced", names, versions: [version("v2", false), version("v1", true)] };
  const definition = await answer("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", { metadata: { name: "things.x.example.com" }, spec });
  assert.equal(definition.http, 201);
  while ((await answer("GET", "/apis/x.example.com/v2")).http !== 200) await new Promise((resolve) => setImmediate(resolve));
  const ask = (name: string, of: string, metadata: object) => {
    const path = `/apis/x.example.com/${of}/namespaces/default/things/${name}?fieldManager=m&force=true`;
    return answer("PATCH", path, { apiVersion: `x.example.com/${of}`, kind: "Thing", metadata: { name, ...metadata } }, apply);
  };
  for (const [first, then] of [
    ["v1", "v1"],
    ["v1", "v2"],
    ["v2", "v1"],
  ] as const) {
    const name = `${first}-${then}`;
    assert.equal((await ask(name, first, { labels: { a: "b" } })).http, 201);
    const left = await ask(name, then, {});
    assert.deepEqual([left.http, left.message, left.metadata.name, left.metadata.labels], [200, undefined, name, undefined], name);
    assert.ok(left.metadata.uid, name);
  }
});

test("the same holds for kinds that are built in", async () => {
  const path = "/api/v1/namespaces/default/configmaps/c?fieldManager=m";
  const said = { apiVersion: "v1", kind: "ConfigMap" };
  assert.equal((await answer("PATCH", path, { ...said, metadata: { name: "c", labels: { a: "b" } }, data: { a: "b" } }, apply)).http, 201);
  const left = await answer("PATCH", path, { ...said, metadata: { name: "c" } }, apply);
  assert.deepEqual([left.http, left.metadata.name, left.metadata.labels, "data" in left], [200, "c", undefined, false]);
  assert.ok(left.metadata.uid);
});
