import assert from "node:assert/strict";
import test from "node:test";
import type { ApiRequest } from "../../api/exchange.ts";
import { aggregatedForm, errorForm, negotiate, type Offer } from "./negotiate.ts";

const request = (accept: string, query = ""): ApiRequest => ({
  method: "GET",
  path: "/",
  query: new URLSearchParams(query),
  headers: { accept },
  signal: new AbortController().signal,
  remoteAddress: "",
});
const offer: Offer = { transforms: true, protobuf: true, streams: false };
const asked = (accept: string, more: Partial<Offer> = {}) => negotiate(request(accept), { ...offer, ...more });

test("the router looks at whole types, the handler at parameters, and each refuses in its own words", () => {
  assert.throws(() => asked("text/html, application/*"), { message: /^406: Not Acceptable\n\nAvailable representations: application\/json, / });
  for (const accept of [
    "application/json;as=Table",
    "application/json;g=apps;v=v1",
    "application/yaml;stream=watch",
    "application/json;as=Nope;v=v1;g=meta.k8s.io",
  ])
    assert.throws(() => asked(accept), { message: /^only the following media types are accepted: / }, accept);
  assert.throws(() => asked("application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io"), { message: /^only the following/ });
});

test("the first clause that can be served is, by quality and by how much it says", () => {
  assert.equal(asked("application/json;q=0.5, application/yaml;q=0.9").media, "yaml");
  assert.equal(asked("*/*, application/yaml;q=0.1").media, "yaml");
  assert.equal(asked("application/json;as=Table;v=v2;g=meta.k8s.io,application/json").as, undefined);
  assert.deepEqual(asked("application/yaml;as=Table;v=v1beta1;g=meta.k8s.io"), { media: "yaml", as: "Table", asVersion: "v1beta1", pretty: false });
});

test("a refusal is never a table: it is JSON where the client takes nothing else", () => {
  assert.equal(errorForm(request("application/yaml")).media, "yaml");
  assert.deepEqual(errorForm(request("application/yaml;as=Table;v=v1;g=meta.k8s.io")), { media: "json", pretty: true });
});

test("aggregated discovery is given to whoever takes it at all", () => {
  const form = "g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
  assert.deepEqual(aggregatedForm(`application/json,application/yaml;${form}`), { media: "yaml" });
  assert.deepEqual(aggregatedForm(`application/json;${form};profile=nopeer`), { media: "json", profile: "nopeer" });
  assert.equal(aggregatedForm("application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"), undefined);
});

test("indentation is asked for by a word that Go takes for true, or by a known agent", () => {
  assert.equal(negotiate(request("*/*", "pretty=t"), offer).pretty, true);
  assert.equal(negotiate(request("*/*", "pretty=yes"), offer).pretty, false);
});

test("what has no type is taken in another form than protobuf, where there is one, and its metadata in protobuf", () => {
  const protobuf = "application/vnd.kubernetes.protobuf";
  assert.throws(() => asked(protobuf, { untyped: true }), { message: /^only the following media types are accepted: .*protobuf$/ });
  assert.equal(asked(`${protobuf},application/json`, { untyped: true }).media, "json");
  assert.equal(asked(`${protobuf};as=PartialObjectMetadata;v=v1;g=meta.k8s.io`, { untyped: true }).media, "protobuf");
  assert.equal(asked(protobuf).media, "protobuf");
});
