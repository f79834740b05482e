import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { TestServer } from "./assembled.fixture.ts";

const server = new TestServer();
before(() => server.start());
after(() => server[Symbol.asyncDispose]());

test("all that is served is listed at the root, by two names and any method", async () => {
  const root = (await server.answer("GET", "/")) as unknown as { paths: string[] };
  assert.deepEqual(root.paths, [...new Set(root.paths)].sort());
  for (const path of [
    "/apis/",
    "/.well-known/openid-configuration",
    "/openid/v1/jwks",
    "/openapi/v3",
    "/openapi/v3/",
    "/readyz/etcd",
    "/metrics/slis",
    "/statusz",
  ])
    assert.ok(root.paths.includes(path), path);
  for (const [method, path] of [
    ["GET", "/index.html"],
    ["PUT", "/"],
    ["GET", "/index%2Ehtml"],
  ] as const)
    assert.deepEqual(((await server.answer(method, path)) as unknown as { paths: string[] }).paths, root.paths, `${method} ${path}`);
});

test("a page is found by its path however that is written", async () => {
  for (const path of ["/healthz%2Fping", "/metrics%2Fslis", "/status%7A", "/debug%2Fapi_priority_and_fairness/dump_requests"])
    assert.equal((await server.send("GET", path)).status, 200, path);
});

test("who is refused at the door, and whoever asks for all checks, is told that the answer is of the type it says", async () => {
  const sniffed = async (path: string, user?: { name: string; groups: string[] }): Promise<[number, string | undefined]> => {
    const { status, headers } = await server.send("GET", path, user ? { user } : {});
    return [status, headers["x-content-type-options"]];
  };
  const nobody = { name: "system:anonymous", groups: ["system:unauthenticated"] };
  for (const path of ["/", "/apis", "/api/v1/pods", "/nope"]) assert.deepEqual(await sniffed(path, nobody), [403, "nosniff"], path);
  assert.deepEqual(await sniffed("/healthz"), [200, "nosniff"]);
  assert.deepEqual(await sniffed("/healthz/ping"), [200, undefined]);
  assert.deepEqual(await sniffed("/healthz/nope"), [404, "nosniff"]);
});
