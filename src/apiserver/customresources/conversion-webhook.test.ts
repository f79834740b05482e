/** Objects of a definition that a webhook converts, as clients meet them: also while it is broken. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import test, { after, before } from "node:test";
import { selfSigned } from "../../base/self-signed.fixture.ts";
import { TestServer } from "../assembled.fixture.ts";

interface Item {
  metadata?: { annotations?: object };
}
let broken = false;
/** Nothing that is stored can be shown. */
let onlyToStore = false;
let keepsAnnotations = false;
const { cert, key } = selfSigned("/CN=hook", "IP:127.0.0.1");
/** Takes the annotations away, for the most part. */
const hook = createServer({ cert, key }, (request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const review = JSON.parse(Buffer.concat(chunks).toString());
    const convertedObjects = review.request.objects.map(({ metadata, ...object }: Item) => {
      const { annotations, ...others } = metadata ?? {};
      const kept = keepsAnnotations && annotations ? { ...others, annotations } : others;
      return { ...object, ...(metadata ? { metadata: kept } : {}), apiVersion: review.request.desiredAPIVersion };
    });
    const fails = broken || (onlyToStore && review.request.desiredAPIVersion === "example.com/v2");
    const result = { status: fails ? "Failure" : "Success", message: "not now" };
    response.end(JSON.stringify({ ...review, response: { uid: review.request.uid, result, convertedObjects } }));
  });
});
const server = new TestServer();
const answer = server.answer.bind(server);
const at = (version: string, name = ""): string => `/apis/example.com/${version}/namespaces/default/cups${name && `/${name}`}`;
const merge = "application/merge-patch+json";

before(async () => {
  hook.listen(0, "127.0.0.1");
  await Promise.all([server.start(), once(hook, "listening")]);
  const clientConfig = { url: `https://127.0.0.1:${(hook.address() as AddressInfo).port}/`, caBundle: cert.toString("base64") };
  const schema = { openAPIV3Schema: { type: "object", properties: { host: { type: "string" } } } };
  const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  await answer("POST", crds, {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "cups.example.com" },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { plural: "cups", kind: "Cup" },
      versions: ["v1", "v2"].map((name) => ({ name, served: true, storage: name === "v1", schema })),
      conversion: { strategy: "Webhook", webhook: { conversionReviewVersions: ["v1"], clientConfig } },
    },
  });
  while ((await answer("GET", at("v1"))).http !== 200) await new Promise((resolve) => setImmediate(resolve));
});
after(async () => {
  await server[Symbol.asyncDispose]();
  hook.closeAllConnections();
  await new Promise((resolve) => hook.close(resolve));
});
const made = async (name: string): Promise<void> => {
  const metadata = { name, annotations: { note: "a" }, finalizers: ["example.com/held"] };
  assert.equal((await answer("POST", at("v1"), { apiVersion: "example.com/v1", kind: "Cup", metadata, host: "x" })).http, 201);
};

test("who deletes what is deleted already, in a version that shows less of it, leaves what that version shows", async () => {
  await made("a");
  await answer("DELETE", at("v1", "a"));
  const held = await answer("GET", at("v1", "a"));
  assert.deepEqual(held.metadata.annotations, { note: "a" });
  await answer("DELETE", at("v1", "a"));
  assert.equal((await answer("GET", at("v1", "a"))).metadata.resourceVersion, held.metadata.resourceVersion);
  assert.equal((await answer("DELETE", at("v2", "a"))).http, 200);
  const rewritten = await answer("GET", at("v1", "a"));
  assert.equal(rewritten.metadata.annotations, undefined);
  assert.notEqual(rewritten.metadata.resourceVersion, held.metadata.resourceVersion);
});

test("a dry run asks the webhook anew, and fails where it does", async () => {
  await made("b");
  assert.equal((await answer("GET", at("v2", "b"))).http, 200);
  broken = true;
  try {
    const tried = await answer("PATCH", `${at("v2", "b")}?dryRun=All`, { metadata: { ownerReferences: null } }, merge);
    assert.deepEqual([tried.http, tried.message], [500, "conversion webhook for example.com/v1, Kind=Cup failed: not now"]);
  } finally {
    broken = false;
  }
});

test("nothing is changed, refused or deleted of what could not be stored as it is shown", async () => {
  await made("e");
  await answer("DELETE", at("v1", "e"));
  assert.equal((await answer("GET", at("v2"))).http, 200);
  const message = "conversion webhook for example.com/v2, Kind=Cup failed: not now";
  broken = true;
  try {
    for (const change of [{ metadata: { finalizers: null } }, { host: 5 }, { metadata: { resourceVersion: "1" } }]) {
      const changed = await answer("PATCH", at("v2", "e"), change, merge);
      assert.deepEqual([changed.http, changed.message], [500, message]);
    }
  } finally {
    broken = false;
  }
  const held = await answer("GET", at("v1", "e"));
  assert.deepEqual(held.metadata.finalizers, ["example.com/held"]);
});

test("what cannot be shown is neither refused nor deleted by an update", async () => {
  await made("f");
  await answer("DELETE", at("v1", "f"));
  assert.equal((await answer("GET", at("v2"))).http, 200);
  onlyToStore = true;
  try {
    for (const change of [{ metadata: { finalizers: null } }, { host: 5 }]) {
      const changed = await answer("PATCH", at("v2", "f"), change, merge);
      assert.deepEqual([changed.http, changed.message], [500, "conversion webhook for example.com/v1, Kind=Cup failed: not now"]);
    }
  } finally {
    onlyToStore = false;
  }
  assert.equal((await answer("GET", at("v1", "f"))).http, 200);
});

test("a change of nothing begins again with what is stored where that is no more what was shown", async () => {
  await made("i");
  const stored = await answer("GET", at("v1", "i"));
  // Who lists fills the cache of the version.
  assert.equal((await answer("GET", at("v2"))).http, 200);
  keepsAnnotations = true;
  try {
    const patched = await answer("PATCH", at("v2", "i"), { metadata: { ownerReferences: null } }, merge);
    assert.deepEqual(patched.metadata.annotations, { note: "a" });
  } finally {
    keepsAnnotations = false;
  }
  assert.deepEqual((await answer("GET", at("v1", "i"))).metadata, stored.metadata);
});

test("a webhook is shown no metadata where an apply gives up all of it", async () => {
  const apply = (version: string, metadata: object) =>
    answer("PATCH", `${at(version, "g")}?fieldManager=m`, { apiVersion: `example.com/${version}`, kind: "Cup", metadata }, "application/apply-patch+yaml");
  assert.equal((await apply("v1", { name: "g", labels: { a: "b" } })).http, 201);
  assert.equal((await apply("v2", { labels: { a: "b" } })).http, 200, "of a kind alone it is not asked");
  assert.equal((await answer("PATCH", at("v1", "g"), { host: "x" }, merge)).http, 200);
  const refused = await apply("v1", { labels: { a: "b" } });
  const why = "conversion webhook for example.com/v2, Kind=Cup returned invalid metadata: missing metadata in converted object";
  const where = "failed to prune fields: failed add back owned items: failed to convert pruned object at version example.com/v1";
  assert.deepEqual([refused.http, refused.message], [500, `${where}: ${why}`]);
});

test("of what stands in the way it is not said that it is on its way out where it cannot be converted", async () => {
  await made("d");
  await answer("DELETE", at("v1", "d"));
  const cup = { apiVersion: "example.com/v2", kind: "Cup", metadata: { name: "d" } };
  assert.equal((await answer("POST", at("v2"), cup)).message, 'object is being deleted: cups.example.com "d" already exists');
  onlyToStore = true;
  try {
    assert.equal((await answer("POST", at("v2"), cup)).message, 'cups.example.com "d" already exists');
  } finally {
    onlyToStore = false;
  }
});

test("an object of another kind is told as what it says it is, where its fields are looked at strictly", async () => {
  const other = '{"kind":"Cup","apiVersion":"example.com/v1","kind":"Mug","metadata":{"name":"c"}}';
  const refused = await answer("POST", `${at("v1")}?fieldValidation=Strict`, other);
  assert.equal(refused.message, 'Mug in version "v1" cannot be handled as a Mug: strict decoding error: duplicate field "kind"');
});
