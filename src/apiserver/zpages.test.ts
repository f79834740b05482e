import assert from "node:assert/strict";
import { test } from "node:test";
import { TestServer } from "./assembled.fixture.ts";

const object = (kind: string, version: string): string => `application/json;g=config.k8s.io;v=${version};as=${kind}`;

test("/statusz and /flagz are served, listed and counted, and shown to who may read them", async () => {
  await using server = new TestServer({ described: { flags: { v: "0" } } });
  await server.start();
  const text = await server.send("GET", "/statusz");
  assert.equal(text.headers["content-type"], "text/plain; charset=utf-8");
  assert.match(String(text.body), /^\napiserver statusz\n[\s\S]*Paths\W+\/flagz \/healthz \/livez \/metrics \/readyz \/statusz \/version\n$/);
  const flags = await server.answer("GET", "/flagz", undefined, undefined, object("Flagz", "v1alpha1"));
  assert.deepEqual((flags as unknown as { flags: object }).flags, { v: "0" });
  assert.deepEqual(flags.warnings, ["This version of the flagz endpoint is deprecated. Please use a newer version."]);
  assert.equal((await server.answer("POST", "/statusz", undefined, undefined, object("Statusz", "v1"))).reason, "NotAcceptable");
  assert.equal((await server.send("GET", "/statusz/x")).status, 404);
  const root = await server.answer("GET", "/");
  assert.ok((root as unknown as { paths: string[] }).paths.includes("/flagz"));

  const user = { name: "prometheus", groups: ["system:authenticated"] };
  assert.equal((await server.send("GET", "/flagz", { user })).status, 403);
  const monitoring = { ...user, groups: [...user.groups, "system:monitoring"] };
  assert.equal((await server.send("GET", "/flagz", { user: monitoring })).status, 200);
  assert.equal((await server.send("POST", "/flagz", { user: monitoring })).status, 403);

  const metrics = server.api.metrics.expose();
  const count = (group: string, resource: string, verb: string, version: string, code: string): string =>
    `apiserver_request_total{verb="${verb}",dry_run="",group="${group}",version="${version}",resource="${resource}",subresource="",scope="",component="apiserver",code="${code}"} 1\n`;
  assert.ok(metrics.includes(count("", "statusz", "GET", "", "200")));
  assert.ok(metrics.includes(count("", "statusz", "POST", "", "406")));
  assert.ok(metrics.includes(count("config.k8s.io", "flagz", "GET", "v1alpha1", "200")));
  assert.match(metrics, /apiserver_requested_deprecated_apis\{group="config.k8s.io",version="v1alpha1",resource="flagz"[^}]*\} 1/);
});

test("without a command line there is no /flagz", async () => {
  await using server = new TestServer();
  await server.start();
  assert.equal((await server.send("GET", "/flagz")).status, 404);
  assert.match(String((await server.send("GET", "/statusz")).body), /Paths\W+\/healthz/);
});

test("requests for discovery that leave other servers out are counted", async () => {
  await using server = new TestServer();
  await server.start();
  const discovery = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
  for (const accept of [discovery, `${discovery};profile=nopeer`]) assert.equal((await server.send("GET", "/apis", { accept })).status, 200);
  assert.match(server.api.metrics.expose(), /\naggregator_discovery_nopeer_requests_total 1\n/);
});
