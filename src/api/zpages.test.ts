import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../base/random.ts";
import { decodeCBOR } from "./codec/cbor.ts";
import { answerZPage, flagz, statusz, type ZRequest } from "./zpages.ts";

const began = Date.parse("2026-11-02T09:03:46.700Z");
const status = statusz({
  component: "apiserver",
  started: began,
  now: () => began + 3_725_400,
  paths: () => [
    "/api",
    "/apis/apps/v1",
    "/healthz",
    "/healthz/ping",
    "/openapi/v3",
    "/openid/v1/jwks",
    "/.well-known/openid-configuration",
    "/metrics",
    "/statusz",
  ],
  random: seededRandom(1),
});
const flags = flagz("apiserver", { v: "0", "bind-address": "127.0.0.1", "api-audiences": "[]" }, seededRandom(3));
const ask = (accept?: string, more: Partial<ZRequest> = {}): ZRequest => ({ accept, pretty: null, cbor: false, ...more });
const show = (page: typeof status, request: ZRequest) => {
  const answer = answerZPage(page, request);
  return { ...answer, text: Buffer.from(answer.body).toString(), type: answer.headers["content-type"] };
};
const object = (kind: string, version = "v1beta1", type = "application/json"): string => `${type};g=config.k8s.io;v=${version};as=${kind}`;

test("who takes text, anything, or says nothing gets a text with upstream's words", () => {
  for (const accept of [undefined, " ", "text/plain", "text/*", "*/*", "application/json, text/plain;q=0.1"]) {
    const { status: code, type, text, warnings, version } = show(status, ask(accept));
    assert.deepEqual([code, type, warnings, version], [200, "text/plain; charset=utf-8", [], undefined], accept);
    assert.ok([":", ": ", "=", " "].includes(/(?<=Started).*(?=Mon)/.exec(text)?.[0].slice(0, -1) ?? ""), text);
    assert.equal(
      text.replaceAll(/^(Started|Up|Go version|Binary version|Emulation version|Paths)(?:: |[:= ]) /gm, "$1|"),
      "\napiserver statusz\nWarning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for debugging purposes only.\n\n" +
        "Started|Mon Nov  2 09:03:46 UTC 2026\nUp|1 hr 02 min 06 sec\nGo version|\nBinary version|1.36.3\nEmulation version|1.36\nPaths|/healthz /metrics /statusz\n",
    );
  }
});

test("flags are told by name in order, always with the same separator, and as an object", () => {
  const { text } = show(flags, ask());
  assert.match(text, /^\napiserver flagz\nWarning: [^\n]+\napi-audiences\W{1,2}\[\]\nbind-address\W{1,2}127\.0\.0\.1\nv\W{1,2}0\n$/);
  for (let i = 0; i < 8; i++) assert.equal(show(flags, ask("*/*")).text, text);
  assert.equal(
    show(flags, ask(object("Flagz"))).text,
    '{"kind":"Flagz","apiVersion":"config.k8s.io/v1beta1","metadata":{"name":"apiserver"},"flags":{"api-audiences":"[]","bind-address":"127.0.0.1","v":"0"}}\n',
  );
});

test("an object comes by its kind alone, the old version with a warning", () => {
  const answer = show(status, ask(object("Statusz")));
  assert.equal(answer.type, "application/json;g=config.k8s.io;v=v1beta1;as=Statusz");
  assert.equal(
    answer.text,
    '{"kind":"Statusz","apiVersion":"config.k8s.io/v1beta1","metadata":{"name":"apiserver"},"startTime":"2026-11-02T09:03:46Z","uptimeSeconds":3726,"goVersion":"","binaryVersion":"1.36.3","emulationVersion":"1.36","paths":["/healthz","/metrics","/statusz"]}\n',
  );
  const old = show(status, ask(object("Statusz", "v1alpha1", "application/yaml")));
  assert.deepEqual([old.type, old.version], ["application/yaml;g=config.k8s.io;v=v1alpha1;as=Statusz", "v1alpha1"]);
  assert.deepEqual(old.warnings, ["This version of the statusz endpoint is deprecated. Please use a newer version."]);
  assert.match(old.text, /^apiVersion: config.k8s.io\/v1alpha1\nbinaryVersion: 1.36.3\nemulationVersion: "1.36"\ngoVersion: ""\nkind: Statusz\n/);
  assert.equal(show(status, ask(object("Statusz", "v1beta1", "*/*"))).type, "application/json;g=config.k8s.io;v=v1beta1;as=Statusz");
  for (const request of [ask(object("Statusz"), { userAgent: "curl/8" }), ask(`${object("Statusz")};pretty=1`), ask(object("Statusz"), { pretty: "true" })])
    assert.match(show(status, request).text, /^\{\n {2}"kind": "Statusz",\n[\s\S]*\n\}$/);
});

test("everything else is not acceptable, said in the form that was asked for where there is one", () => {
  const message = "only the following media types are accepted: application/json, application/yaml, text/plain";
  const raw = `{\n  "kind": "Status",\n  "apiVersion": "v1",\n  "metadata": {},\n  "status": "Failure",\n  "message": "${message}",\n  "reason": "NotAcceptable",\n  "code": 406\n}`;
  const indented = [
    "text/html",
    "application/json;as=Statusz",
    object("Flagz"),
    object("Statusz", "v1"),
    `${object("Statusz")};stream=watch`,
    object("Statusz", "v1beta1", "text/plain"),
    "application/cbor",
  ];
  for (const accept of indented) assert.deepEqual([show(status, ask(accept)).status, show(status, ask(accept)).text], [406, raw], accept);
  for (const accept of ["application/json", "application/*"]) assert.equal(show(status, ask(accept)).text, `${JSON.stringify(JSON.parse(raw))}\n`, accept);
  const yaml = show(status, ask("application/yaml"));
  assert.deepEqual([yaml.status, yaml.type], [406, "application/yaml"]);
  assert.match(yaml.text, /^apiVersion: v1\ncode: 406\nkind: Status\nmessage: 'only/);
});

test("CBOR is offered where the server speaks it", () => {
  const { status: code, body } = show(status, ask(object("Statusz", "v1beta1", "application/cbor"), { cbor: true }));
  assert.equal(code, 200);
  assert.equal((decodeCBOR(body) as { uptimeSeconds: number }).uptimeSeconds, 3726);
  assert.match(show(status, ask("text/html", { cbor: true })).text, /text\/plain, application\/cbor"/);
});
