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

const custom = { ...(resources.find(({ resource }) => resource === "namespaces") as ResourceDef), group: "shop.example.com", version: "v1", resource: "cups" };
const among = createDocuments(
  () => [...resources, custom],
  () => "",
);
/** Status, content type and what varies; a refusal that is thrown by its code and message. */
function told(method: string, path: string, accept?: string): [number, string?, string?] {
  try {
    const answer = among.get({ method, path, query: new URLSearchParams(), headers: accept === undefined ? {} : { accept } } as unknown as ApiRequest);
    return answer ? [answer.status, answer.headers["content-type"], answer.headers.vary] : [0];
  } catch (error) {
    const { code, message } = error as { code: number; message: string };
    return [code, message.split("\n", 1)[0]?.split(":", 1)[0]];
  }
}

test("what definitions add has no router in front of it, nor have groups; what is built in has one", () => {
  const own = "only the following media types are accepted";
  for (const path of ["/apis/shop.example.com/v1", "/apis/shop.example.com/v1//", "/apis/shop.example.com//", "/apis/apps/"]) {
    for (const method of ["GET", "HEAD", "POST", "OPTIONS"]) assert.deepEqual(told(method, path), [200, "application/json", undefined], `${method} ${path}`);
    assert.deepEqual(told("PUT", path, "text/html"), [406, own], path);
    assert.equal(told("GET", path, "application/*")[0], 200, path);
  }
  for (const path of ["/apis/apps/v1", "/apis/apps//", "/api/v1"]) {
    assert.deepEqual(told("HEAD", path), [405, "the server does not allow this method on the requested resource"], path);
    assert.deepEqual(told("GET", path, "application/*"), [406, "406"], path);
  }
});

test("the list of groups has its other form by its whole name alone", () => {
  const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
  assert.equal(told("GET", "/apis", accept)[0], 200);
  assert.equal(told("GET", "/apis/", accept)[0], 406);
  assert.equal(told("GET", "/api/", accept)[0], 200);
});

test("OpenAPI is refused without a word where nothing fits, and its index is for whoever asks", () => {
  assert.deepEqual(told("POST", "/openapi/v3", "text/html"), [200, "text/plain; charset=utf-8", undefined]);
  for (const [path, vary] of [
    ["/openapi/v2", "Accept-Encoding, Accept"],
    ["/openapi/v3/api/v1", "Accept"],
  ] as const) {
    assert.deepEqual(told("GET", path, "text/html,application/yaml"), [406, undefined, vary], path);
    for (const accept of ["", "*", "*/json", "text/html,application/*;q=0.1"])
      assert.deepEqual(told("PUT", path, accept), [200, "application/json", vary], `${path} ${accept}`);
  }
  const wish = (version: string, at: string) => `text/html,application/com.github.proto-openapi.spec.${version}${at}v1.0+protobuf`;
  for (const at of [".", "@"]) {
    const type = "application/com.github.proto-openapi.spec.v3.v1.0+protobuf";
    assert.deepEqual(told("GET", "/openapi/v3/version", wish("v3", at)), [200, type, "Accept"]);
    assert.equal(told("GET", "/openapi/v3/version", wish("v2", at))[0], 406);
  }
  assert.deepEqual(told("GET", "/openapi/v2", ","), [406, undefined, "Accept-Encoding, Accept"]);
  assert.deepEqual(told("GET", "/openapi/v3/api/v1", ","), [200, undefined, undefined]);
  assert.equal(told("GET", "/openapi/v2/")[0], 0);
  assert.equal(told("GET", "/openapi/v3/api/v1/")[0], 404);
});

test("a document that is asked for by its hash may be kept for a year", () => {
  const ofThen = createDocuments(
    () => resources,
    () => "",
    undefined,
    undefined,
    resources,
    undefined,
    () => Date.UTC(2028, 1, 29, 12),
  );
  const asks = (query: string) =>
    ofThen.get({ method: "GET", path: "/openapi/v3/version", query: new URLSearchParams(query), headers: {} } as unknown as ApiRequest);
  const hash = /hash=(\w+)/.exec(asks("hash=x")?.headers.location ?? "")?.[1];
  assert.equal(asks(`hash=${hash}`)?.headers.expires, "Thu, 01 Mar 2029 12:00:00 GMT");
  assert.equal(asks("")?.headers.expires, undefined);
});
