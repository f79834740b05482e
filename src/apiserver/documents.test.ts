import assert from "node:assert/strict";
import { test } from "node:test";
import type { ApiRequest } from "../api/exchange.ts";
import { type ResourceDef, resources } from "../api/schema/schema.ts";
import { createDocuments } from "./documents.ts";

const documents = createDocuments(
  () => resources,
  () => "127.0.0.1:6443",
);
const get = (path: string) => documents.get({ method: "GET", path, query: new URLSearchParams(), headers: {} } as unknown as ApiRequest);

test("each answer has headers of its own, for every request adds some", () => {
  for (const path of ["/version", "/api", "/apis", "/api/v1", "/openapi/v2", "/openapi/v3", "/openapi/v3/api/v1"]) {
    const first = get(path);
    assert.ok(first, path);
    first.headers["audit-id"] = "of the first";
    assert.equal(get(path)?.headers["audit-id"], undefined, path);
  }
});

test("slashes behind a path change nothing, however many", () => {
  assert.deepEqual(get("/api/v1///"), get("/api/v1"));
  const began = process.cpuUsage();
  assert.equal(get(`/api${"/".repeat(1 << 20)}x`), undefined);
  const { user, system } = process.cpuUsage(began);
  assert.ok(user + system < 1_000_000, `${user + system} µs of processor time`);
});

test("aggregated discovery is put together again only when what is served has changed", () => {
  let served: readonly ResourceDef[] = resources;
  const counted: string[] = [];
  const series = { withoutPeers: () => void counted.push("alone"), aggregated: () => void counted.push("aggregated") };
  const own = createDocuments(
    () => served,
    () => "",
    undefined,
    undefined,
    resources,
    series,
  );
  const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
  const ask = (path: string) => own.get({ method: "GET", path, query: new URLSearchParams(), headers: { accept } } as unknown as ApiRequest);
  for (const path of ["/apis", "/apis", "/api", "/apis"]) assert.equal(ask(path)?.status, 200);
  assert.deepEqual(counted, ["aggregated", "aggregated"]);
  const before = ask("/apis")?.body;
  served = resources.filter(({ group }) => group !== "batch");
  assert.notDeepEqual(ask("/apis")?.body, before);
  assert.equal(counted.length, 3);
});
