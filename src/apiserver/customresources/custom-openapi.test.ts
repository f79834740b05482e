import assert from "node:assert/strict";
import test from "node:test";
import type { JSONObject } from "../../api/json.ts";
import { TestServer } from "../assembled.fixture.ts";

const odd = { type: "object", nullable: true, required: ["a"], properties: { a: { type: "string", nullable: true } } };
const template = {
  type: "object",
  "x-kubernetes-embedded-resource": true,
  required: ["a", "b"],
  properties: { a: { type: "string", nullable: true }, b: { type: "string" } },
};
const definition = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "cups.shop.example.com" },
  spec: {
    group: "shop.example.com",
    scope: "Cluster",
    names: { plural: "cups", kind: "Cup" },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: { spec: { type: "object", nullable: true, properties: { size: { type: "integer", default: 2 } } }, odd, template },
          },
        },
      },
    ],
  },
};

test("a kind is described in both documents once it is established, and no longer when it is gone", async () => {
  await using server = new TestServer();
  await server.start();
  const send = (method: string, path: string, body?: object) => server.send(method, path, { body });
  const document = async (path: string): Promise<JSONObject> =>
    JSON.parse(Buffer.from(((await send("GET", path)).body as Uint8Array | undefined) ?? []).toString());
  const until = async (status: number): Promise<void> => {
    for (let turn = 0; turn < 1000; turn++) {
      if ((await send("GET", "/openapi/v3/apis/shop.example.com/v1")).status === status) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
    throw new Error(`never answered ${status}`);
  };
  const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  assert.equal((await send("POST", crds, definition)).status, 201);
  await until(200);
  const index = (await document("/openapi/v3")) as unknown as { paths: Record<string, { serverRelativeURL: string }> };
  assert.match(index.paths["apis/shop.example.com/v1"]?.serverRelativeURL ?? "", /^\/openapi\/v3\/apis\/shop\.example\.com\/v1\?hash=[0-9A-F]+$/);
  const v3 = (await document("/openapi/v3/apis/shop.example.com/v1")) as unknown as { components: { schemas: Record<string, { properties: JSONObject }> } };
  assert.deepEqual(v3.components.schemas["com.example.shop.v1.Cup"]?.properties.spec, {
    type: "object",
    nullable: true,
    properties: { size: { type: "integer", default: 2 } },
  });
  const v2 = (await document("/openapi/v2")) as unknown as { definitions: Record<string, { properties: JSONObject }>; paths: JSONObject };
  // Clients of the older document would refuse null.
  assert.deepEqual(v2.definitions["com.example.shop.v1.Cup"]?.properties.spec, {});
  assert.deepEqual(v2.definitions["com.example.shop.v1.Cup"]?.properties.odd, { required: ["a"] });
  assert.deepEqual((v2.definitions["com.example.shop.v1.Cup"]?.properties.template as JSONObject | undefined)?.required, ["b", "kind", "apiVersion"]);
  assert.deepEqual((v3.components.schemas["com.example.shop.v1.Cup"]?.properties.template as JSONObject | undefined)?.required, [
    "a",
    "b",
    "kind",
    "apiVersion",
  ]);
  assert.ok(v2.paths["/apis/shop.example.com/v1/cups/{name}"]);
  assert.equal((await send("DELETE", `${crds}/cups.shop.example.com`)).status, 200);
  await until(404);
});

test("numbers that JavaScript does not hold are written in full, and take no document away", async () => {
  await using server = new TestServer();
  await server.start();
  const text = JSON.stringify(definition)
    .replace('"nullable":true,"properties":{"size"', '"properties":{"size"')
    .replace('"default":2', '"default":9007199254740993,"maxLength":1000000000000000000');
  assert.equal((await server.send("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", { body: text })).status, 201);
  const document = async (path: string): Promise<string> => Buffer.from(((await server.send("GET", path)).body as Uint8Array | undefined) ?? []).toString();
  for (let turn = 0; turn < 1000 && !(await document("/openapi/v3")).includes("shop.example.com"); turn++)
    await new Promise((resolve) => setImmediate(resolve));
  const own = await document("/openapi/v3/apis/shop.example.com/v1");
  assert.match(own, /"maxLength":1000000000000000000/);
  assert.match(own, /"default":9007199254740993/);
  assert.ok((await document("/openapi/v2")).includes('"com.example.shop.v1.Cup"'));
});
