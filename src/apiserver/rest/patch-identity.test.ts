import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { TestServer } from "../assembled.fixture.ts";

const server = new TestServer();
before(() => server.start());
after(() => server[Symbol.asyncDispose]());

const configmaps = "/api/v1/namespaces/default/configmaps";
const merge = "application/merge-patch+json";

test("what a patch makes of an object's kind and version is looked at before all else", async () => {
  await server.answer("POST", configmaps, { metadata: { name: "same" } });
  const why = async (patch: object): Promise<string | undefined> => {
    const { http, message } = await server.answer("PATCH", `${configmaps}/same`, patch, merge);
    return http === 422 ? message?.slice(message.lastIndexOf('}": ') + 4) : message;
  };
  assert.equal(await why({ kind: "Pod" }), "converting (v1.Pod) to (core.ConfigMap): unknown conversion");
  assert.equal(await why({ kind: "Status", apiVersion: "x/y" }), "converting (v1.Status) to (core.ConfigMap): unknown conversion");
  assert.equal(await why({ apiVersion: "apps/v1" }), 'no kind "ConfigMap" is registered for version "apps/v1" in scheme "pkg/runtime/scheme.go:111"');
  assert.equal(
    await why({ kind: "Nope", apiVersion: null }),
    'no kind "Nope" is registered for the internal version of group "" in scheme "pkg/runtime/scheme.go:111"',
  );
  assert.equal(await why({ apiVersion: "" }), "the name of the object (same based on URL) was undeterminable: name must be provided");
  assert.equal(await why({ kind: {} }), "couldn't get version/kind; json parse error: json: cannot unmarshal object into Go struct field .kind of type string");
  assert.equal(await why({ kind: null, apiVersion: "v1" }), undefined);
});

test("an apply that does not name what it would create is refused", async () => {
  const { http, message } = await server.answer(
    "PATCH",
    `${configmaps}/none?fieldManager=m`,
    { apiVersion: "v1", kind: "ConfigMap" },
    "application/apply-patch+yaml",
  );
  assert.deepEqual([http, message], [400, "the name of the object (none based on URL) was undeterminable: name must be provided"]);
});
