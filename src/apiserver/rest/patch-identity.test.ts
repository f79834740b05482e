import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { type Answer, TestServer } from "../assembled.fixture.ts";

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

test("of an object that does not say its version the metadata is at the top, and there are no defaults", async () => {
  const jobs = "/apis/batch/v1/namespaces/default/jobs";
  const said = { name: "said", namespace: "default", labels: { a: "b" } };
  const patch = (path: string, value: object): Promise<Answer> =>
    server.answer("PATCH", `${path}/said?dryRun=All`, [{ op: "replace", path: "", value }], "application/json-patch+json");
  await server.answer("POST", configmaps, { metadata: { name: "said" }, data: { a: "b" } });
  const { metadata, data } = (await patch(configmaps, said)) as { metadata: { labels: object }; data?: object };
  assert.deepEqual([metadata.labels, data], [{ a: "b" }, undefined]);
  const misfit = "json: cannot unmarshal number into Go struct field ConfigMap.ObjectMeta.labels of type map[string]string";
  assert.match((await patch(configmaps, { ...said, labels: 3 })).message ?? "", new RegExp(`${misfit.replaceAll(/[[\]]/g, "\\$&")}$`));
  await server.answer("POST", jobs, {
    metadata: { name: "said" },
    spec: { template: { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "i" }] } } },
  });
  assert.match((await patch(jobs, said)).message ?? "", /spec\.template\.spec\.restartPolicy: Required value/);
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
