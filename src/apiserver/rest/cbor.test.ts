/** CBOR where the server speaks it (feature gate CBORServingAndStorage): what is taken, answered and refused, as kube-apiserver does. */
import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { decodeCBOR, decodeCBORItem } from "../../api/codec/cbor.ts";
import { encodeCBOR } from "../../api/codec/cbor-write.ts";
import type { ApiResponse } from "../../api/exchange.ts";
import { TestServer } from "../assembled.fixture.ts";

const servers = { on: new TestServer({ cbor: true }), off: new TestServer() };
before(() => Promise.all(Object.values(servers).map((server) => server.start())));
after(() => Promise.all(Object.values(servers).map((server) => server[Symbol.asyncDispose]())));

const cbor = "application/cbor";
const secrets = "/api/v1/namespaces/default/secrets";
function ask(method: string, target: string, headers: Record<string, string>, body?: Uint8Array, gate: "on" | "off" = "on"): Promise<ApiResponse> {
  const { accept, "content-type": type } = headers;
  return servers[gate].send(method, target, { body, ...(type ? { type } : {}), ...(accept ? { accept } : {}) });
}
const read = (answer: ApiResponse): Record<string, unknown> => decodeCBOR(answer.body as Uint8Array) as Record<string, unknown>;
const message = (answer: ApiResponse): string => (JSON.parse(Buffer.from(answer.body as Uint8Array).toString()) as { message: string }).message;

test("objects are written, applied, read, listed and watched in CBOR", async () => {
  const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "s" }, data: { b: "AQI=" } };
  const made = await ask("POST", secrets, { accept: cbor, "content-type": cbor }, encodeCBOR(secret));
  assert.equal(made.status, 201);
  assert.equal(made.headers["content-type"], cbor);
  assert.match(Buffer.from(made.body as Uint8Array).toString("hex"), /^d9d9f7.*4162d6420102/);
  const applied = { apiVersion: "v1", kind: "Secret", metadata: { labels: { a: "b" } } };
  const patched = await ask("PATCH", `${secrets}/s?fieldManager=x`, { accept: cbor, "content-type": "application/apply-patch+cbor" }, encodeCBOR(applied));
  assert.equal(patched.status, 200);
  assert.deepEqual((read(patched).metadata as { labels: unknown }).labels, { a: "b" });
  const list = read(await ask("GET", secrets, { accept: cbor }));
  assert.deepEqual([list.kind, (list.items as unknown[]).length], ["SecretList", 1]);
  const watch = await ask("GET", `${secrets}?watch=true&resourceVersion=0`, { accept: cbor });
  assert.equal(watch.headers["content-type"], "application/cbor-seq");
  const events = (watch.body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  const { value: event } = decodeCBORItem((await events.next()).value as Uint8Array, 0) ?? {};
  assert.deepEqual((event as { type: string; object: { data: unknown } }).object.data, { b: "AQI=" });
  await events.return?.();
  const deleted = await ask("DELETE", `${secrets}/s`, { "content-type": cbor, accept: cbor }, encodeCBOR({ apiVersion: "v1", kind: "DeleteOptions" }));
  assert.equal(read(deleted).status, "Success");
});

test("refusals speak CBOR to whoever takes it, and say in JSON why CBOR was none", async () => {
  assert.equal(read(await ask("GET", `${secrets}/none`, { accept: cbor })).reason, "NotFound");
  const wrong = async (hex: string): Promise<string> => message(await ask("POST", secrets, { "content-type": cbor }, Buffer.from(hex, "hex")));
  const unrecognized = "the object provided is unrecognized (must be of type Secret): unable to determine group/version/kind: ";
  assert.equal(await wrong("ff"), `${unrecognized}cbor: unexpected "break" code (ff)`);
  assert.equal(
    await wrong("a1446b696e6401"),
    `${unrecognized}cbor: cannot unmarshal positive integer into Go struct field v1.TypeMeta.kind of type string (a1446b696e6401)`,
  );
  assert.equal(
    await wrong("a2446b696e6441614462696e64f6ff"),
    `${unrecognized}cbor: 1 bytes of extraneous data starting at index 14 (a2446b696e6441614462696e64f6ff)`,
  );
  assert.match(await wrong("d9d9f7a1446b696e6443466f6f"), /^Foo in version "v1" cannot be handled as a Secret: no kind "Foo" is registered/);
  const strict = await ask(
    "POST",
    `${secrets}?fieldValidation=Strict`,
    { "content-type": cbor },
    Buffer.from("d9d9f7a34a61706956657273696f6e427631446b696e644653656372657463666f6f01", "hex"),
  );
  assert.equal(
    message(strict),
    'Secret in version "v1" cannot be handled as a Secret: strict decoding error: cbor: found unknown field at map element index 2',
  );
  const apply = await ask("PATCH", `${secrets}/s?fieldManager=x`, { "content-type": "application/apply-patch+cbor" }, Buffer.from("x"));
  assert.equal(message(apply), "error decoding YAML: unexpected EOF");
});

test("tables, documents and sequences are not to be had in CBOR", async () => {
  for (const target of ["/version", "/api", "/apis", `${secrets}?watch=1`]) {
    const accept = target.includes("watch") ? "application/cbor-seq" : cbor;
    assert.equal((await ask("GET", target, { accept })).status, 406, target);
  }
  const table = await ask("GET", secrets, { accept: "application/cbor;as=Table;g=meta.k8s.io;v=v1" });
  assert.equal(
    message(table),
    "only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf, application/cbor",
  );
  assert.equal((await ask("GET", secrets, { accept: "application/cbor;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1" })).status, 200);
});

test("without the gate nobody hears of it", async () => {
  const refused = await ask("GET", secrets, { accept: cbor }, undefined, "off");
  assert.equal(refused.status, 406);
  assert.doesNotMatch(message(refused), /cbor/);
  const unread = await ask("POST", secrets, { "content-type": cbor }, encodeCBOR({}), "off");
  assert.equal(unread.status, 415);
  assert.doesNotMatch(message(unread), /cbor/);
  assert.equal((await ask("PATCH", `${secrets}/s`, { "content-type": "application/apply-patch+cbor" }, encodeCBOR({}), "off")).status, 415);
});
