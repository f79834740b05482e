import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { TestServer } from "../assembled.fixture.ts";

const server = new TestServer();
const answer = server.answer.bind(server);
const merge = "application/merge-patch+json";
const sets = "/apis/apps/v1/namespaces/default/replicasets";
const scale = `${sets}/s/scale`;
const made = (metadata: object, spec: unknown = { replicas: 2 }): object => ({
  apiVersion: "autoscaling/v1",
  kind: "Scale",
  metadata: { name: "s", ...metadata },
  spec,
});

before(async () => {
  await server.start();
  const template = { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } };
  assert.equal((await answer("POST", sets, { metadata: { name: "s" }, spec: { selector: { matchLabels: { a: "b" } }, template } })).http, 201);
});
after(() => server[Symbol.asyncDispose]());

test("where a Scale is comes before which it is, and both before what it is", async () => {
  const elsewhere = "the namespace of the provided object does not match the namespace sent on the request";
  assert.equal((await answer("PUT", scale, made({ name: "other", namespace: "other", resourceVersion: "1" }, { replicas: -1 }))).message, elsewhere);
  const unnamed = "the name of the object (s based on URL) was undeterminable: name must be provided";
  assert.equal((await answer("PUT", scale, made({ name: "", resourceVersion: "1" }, { replicas: -1 }))).message, unnamed);
  const named = "the name of the object (other) does not match the name on the URL (s)";
  assert.equal((await answer("PATCH", scale, made({ name: "other", resourceVersion: "x" }), merge)).message, named);
  assert.equal((await answer("PATCH", `${sets}/nope/scale`, "{", merge)).reason, "NotFound");
});

test("a Scale is valid by its own metadata, which is lost", async () => {
  const bad = await answer("PUT", scale, made({ resourceVersion: "x", finalizers: ["a"], annotations: { "-": "" } }, { replicas: -1 }));
  assert.equal(bad.http, 422);
  assert.deepEqual(
    bad.details?.causes?.map(({ field }) => field),
    ["metadata.annotations", "metadata.finalizers[0]", "spec.replicas"],
  );
  assert.match(bad.message ?? "", /^Scale\.autoscaling "s" is invalid: \[metadata\.annotations: .*spec\.replicas: Invalid value: -1: must be greater than/);
  const good = await answer("PUT", scale, made({ labels: { a: "b" } }, { replicas: 4 }));
  assert.deepEqual([good.http, good.spec, good.metadata.labels], [200, { replicas: 4 }, undefined]);
  assert.equal((await answer("GET", `${sets}/s`)).metadata.labels, undefined);
});

test("an identity is a precondition of the storage where it is put, and of the Scale where it is patched", async () => {
  const { uid } = (await answer("GET", scale)).metadata;
  const why = `Precondition failed: UID in precondition: u, UID in object meta: ${uid}`;
  const code = "StorageError: invalid object, Code: 4, Key: /registry/replicasets/default/s, ResourceVersion: 0, AdditionalErrorMsg: ";
  assert.equal((await answer("PUT", scale, made({ uid: "u" }))).message, `Operation cannot be fulfilled on replicasets.apps "s": ${code}${why}`);
  const patched = await answer("PATCH", scale, { metadata: { uid: "u" } }, merge);
  assert.equal(patched.message, `Operation cannot be fulfilled on replicasets/scale.apps "s": ${why}`);
  assert.equal((await answer("PUT", scale, made({ uid }))).http, 200);
});

test("who reads a Scale may name a revision, and exports nothing", async () => {
  const get = (query: string) => answer("GET", `${scale}?${query}`);
  assert.deepEqual([(await get("resourceVersion=x")).http, (await get("resourceVersion=1")).http], [500, 200]);
  assert.equal((await get("export=1&resourceVersion=x")).message, "the export parameter, deprecated since v1.14, is no longer supported");
  assert.equal((await get("export=false")).http, 200);
});

test("admission changes the Scale, and what it has made of it is judged", async () => {
  const group = "/apis/admissionregistration.k8s.io/v1";
  const expression = "Object{spec: Object.spec{replicas: 0 - object.spec.replicas}}";
  const rule = { operations: ["UPDATE"], apiGroups: ["apps"], apiVersions: ["*"], resources: ["replicasets/scale"] };
  const policy = {
    matchConstraints: { resourceRules: [rule], objectSelector: { matchLabels: { turn: "round" } } },
    reinvocationPolicy: "Never",
    mutations: [{ patchType: "ApplyConfiguration", applyConfiguration: { expression } }],
  };
  assert.equal((await answer("POST", `${group}/mutatingadmissionpolicies`, { metadata: { name: "p" }, spec: policy })).http, 201);
  assert.equal((await answer("POST", `${group}/mutatingadmissionpolicybindings`, { metadata: { name: "p" }, spec: { policyName: "p" } })).http, 201);
  assert.equal((await answer("PUT", scale, made({}, { replicas: 3 }))).http, 200);
  const turned = await answer("PUT", scale, made({ labels: { turn: "round" } }, { replicas: 5 }));
  assert.match(turned.message ?? "", /^Scale\.autoscaling "s" is invalid: spec\.replicas: Invalid value: -5/);
  assert.deepEqual((await answer("GET", scale)).spec, { replicas: 3 });
});
