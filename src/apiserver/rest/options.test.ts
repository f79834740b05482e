import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { TestServer } from "../assembled.fixture.ts";

const server = new TestServer();
before(() => server.start());
after(() => server[Symbol.asyncDispose]());

const configmaps = "/api/v1/namespaces/default/configmaps";

test("a number in the query that says nothing is refused", async () => {
  for (const [method, query] of [
    ["DELETE", "gracePeriodSeconds="],
    ["GET", "limit="],
    ["GET", "timeoutSeconds="],
  ] as const) {
    const { http, message } = await server.answer(method, `${configmaps}?${query}`);
    assert.deepEqual([http, message], [400, 'strconv.ParseInt: parsing "": invalid syntax'], query);
  }
});

test("a deletion knows the kinds that all groups share, and no other", async () => {
  const said = async (kind: string, apiVersion?: string): Promise<string | undefined> =>
    (await server.answer("DELETE", `${configmaps}/none`, { kind, apiVersion })).message;
  const unknown = 'no kind "Pod" is registered for version "v1" in scheme "pkg/runtime/scheme.go:111"';
  assert.equal(await said("Pod", "v1"), unknown);
  assert.equal(await said("PatchOptions"), "converting (v1.PatchOptions) to (v1.DeleteOptions): unknown conversion");
  assert.equal(await said("CreateOptions", "x/y"), "converting (v1.CreateOptions) to (v1.DeleteOptions): unknown conversion");
  const { message } = await server.answer("DELETE", `${configmaps}/none`, { kind: "PatchOptions", orphanDependents: "of another type" });
  assert.equal(message, "converting (v1.PatchOptions) to (v1.DeleteOptions): unknown conversion");
  assert.equal(await said("DeleteOptions", "x/y"), 'configmaps "none" not found');
});

test("a namespace goes with the uid that is insisted on, which an empty one is not", async () => {
  const path = "/api/v1/namespaces/insisted";
  assert.equal((await server.answer("POST", "/api/v1/namespaces", { metadata: { name: "insisted" } })).http, 201);
  const { http, message } = await server.answer("DELETE", path, { preconditions: { uid: "" } });
  assert.equal(http, 409);
  assert.match(message ?? "", /on namespaces "insisted": Precondition failed: UID in precondition: , UID in object meta: /);
});

test("what cannot be read is said of what there is, or of what an apply would make", async () => {
  const daemonSet = "/apis/apps/v1/namespaces/default/daemonsets/none";
  const patched = async (path: string, type: string, text = "{"): Promise<string | undefined> =>
    (await server.answer("PATCH", `${path}?fieldManager=m`, Buffer.from(text), `application/${type}`)).message;
  const unreadable = "error decoding YAML: error converting YAML to JSON: yaml: line 1: did not find expected node content";
  assert.equal(await patched(daemonSet, "apply-patch+yaml"), unreadable);
  assert.equal(await patched(`${daemonSet}/status`, "apply-patch+yaml"), 'daemonsets.apps "none" not found');
  assert.equal(await patched(daemonSet, "json-patch+json"), 'daemonsets.apps "none" not found');
  const noList = "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp";
  assert.equal(await patched("/api/v1/namespaces/default", "json-patch+json", ' {"a":1e400}'), noList);
  const field = "error decoding patch: json: cannot unmarshal number into Go struct field jsonPatchOp.path of type string";
  assert.equal(await patched("/api/v1/namespaces/default", "json-patch+json", '[{"path":1e400,"value":1e400}]'), field);
  const odd = '[{"op":"test","path":"/metadata/name","value":"default","unknown":[1e400,{"a":1,"a":2}]}]';
  const { warnings } = await server.answer("PATCH", "/api/v1/namespaces/default", Buffer.from(odd), "application/json-patch+json");
  assert.deepEqual(warnings, ['json patch unknown field "[0].unknown"']);
});

test("nobody waits for a revision to come at which one that is named is looked up", async () => {
  const { http, details } = await server.answer("GET", `${configmaps}?fieldSelector=metadata.name%3Da&resourceVersion=999999999&resourceVersionMatch=Exact`);
  assert.deepEqual([http, (details as { retryAfterSeconds?: number }).retryAfterSeconds], [504, undefined]);
});

test("who says how to make a name is told that none could be made, though he gives one", async () => {
  const metadata = { name: "both", generateName: "x-" };
  assert.equal((await server.answer("POST", configmaps, { metadata })).http, 201);
  const { http, message } = await server.answer("POST", configmaps, { metadata });
  assert.deepEqual([http, message], [409, 'configmaps "both" already exists, the server was not able to generate a unique name for the object']);
  const times = { eventTime: "2026-01-02T03:04:05.000006Z", reportingController: "a.b/c", reportingInstance: "i", action: "a", reason: "r", type: "Normal" };
  const event = { metadata, regarding: { namespace: "default" }, ...times };
  const events = "/apis/events.k8s.io/v1/namespaces/default/events";
  assert.equal((await server.answer("POST", events, event)).http, 201);
  assert.match((await server.answer("POST", events, event)).message ?? "", /^events "both" already exists, the server/);
});
