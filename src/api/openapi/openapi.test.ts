import assert from "node:assert/strict";
import { test } from "node:test";
import { references } from "./schemas.ts";
import { openapiV2 } from "./v2.ts";
import { openapiV3, openapiV3Index, openapiV3Paths } from "./v3.ts";

type Doc = { components: { schemas?: Record<string, unknown> }; paths: Record<string, Record<string, { operationId?: string }>> };

test("every document of version 3 defines all that it refers to, and its operations have names of their own", () => {
  const names = new Set<string>();
  let operations = 0;
  for (const path of openapiV3Paths()) {
    const document = openapiV3(path) as Doc | undefined;
    assert.ok(document, path);
    const wanted = new Set<string>();
    references(document, wanted);
    for (const name of wanted) assert.ok(document.components.schemas?.[name], `${path}: ${name}`);
    for (const item of Object.values(document.paths)) {
      for (const { operationId } of Object.values(item)) {
        if (!operationId) continue;
        operations++;
        names.add(operationId);
      }
    }
  }
  assert.equal(names.size, operations);
});

test("version 2 defines all that it refers to and keeps fields that are named like keywords", () => {
  const document = openapiV2() as { definitions: Record<string, { properties?: Record<string, unknown> }>; paths: object };
  const wanted = new Set<string>();
  references(document, wanted);
  for (const name of wanted) assert.ok(document.definitions[name], name);
  const schema = document.definitions["io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"];
  for (const name of ["allOf", "oneOf", "default", "$ref", "properties"]) assert.ok(schema?.properties?.[name], name);
});

test("what kubectl apply and explain need is there", () => {
  const apps = openapiV3("apis/apps/v1") as Doc;
  const schemas = apps.components.schemas as Record<string, { properties: Record<string, Record<string, unknown>>; required?: string[] }>;
  assert.deepEqual(schemas["io.k8s.api.apps.v1.DeploymentSpec"]?.required, ["selector", "template"]);
  const containers = schemas["io.k8s.api.core.v1.PodSpec"]?.properties.containers;
  assert.equal(containers?.["x-kubernetes-patch-merge-key"], "name");
  assert.deepEqual((schemas["io.k8s.api.apps.v1.Deployment"] as unknown as Record<string, unknown>)["x-kubernetes-group-version-kind"], [
    { group: "apps", kind: "Deployment", version: "v1" },
  ]);
});

test("unknown documents do not exist, and the index points at each with a hash", () => {
  for (const path of ["", "api/v2", "apis/apps/v9", "apis/nothing.example", "apis/apps/v1/x", "__proto__", "constructor"])
    assert.equal(openapiV3(path), undefined, path);
  const { paths } = openapiV3Index();
  assert.match(paths["apis/apps/v1"]?.serverRelativeURL ?? "", /^\/openapi\/v3\/apis\/apps\/v1\?hash=[0-9A-F]{128}$/);
});
