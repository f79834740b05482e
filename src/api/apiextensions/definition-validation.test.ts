import assert from "node:assert/strict";
import { test } from "node:test";
import { normalize } from "../codec/normalize.ts";
import type { JSONObject } from "../json.ts";
import { typeOfKind } from "../schema/schema.ts";
import type { CustomResourceDefinition } from "../types/apiextensions-v1.gen.ts";
import { customResourceDefinitionKind } from "./customresourcedefinition.ts";

function judged(spec: object, version: object = {}): { field: string; body: string }[] {
  const given = {
    metadata: { name: "xs.example.com" },
    spec: {
      group: "example.com",
      scope: "Cluster",
      names: { plural: "xs", kind: "X" },
      versions: [
        { name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object", properties: { spec } } }, ...version },
        { name: "v2", served: true, storage: false, schema: { openAPIV3Schema: { type: "object" } } },
      ],
    },
  };
  const type = typeOfKind("apiextensions.k8s.io/v1", "CustomResourceDefinition");
  assert.ok(type);
  const definition = normalize(type, given as unknown as JSONObject, "kept").object as unknown as CustomResourceDefinition;
  customResourceDefinitionKind.setDefaults?.(definition);
  customResourceDefinitionKind.prepareForCreate?.(definition);
  return customResourceDefinitionKind.validate?.(definition) ?? [];
}

test("dependencies are refused where there are none in them, within the schema of free keys too", () => {
  const [found] = judged({ type: "object", additionalProperties: { type: "string", dependencies: {} } });
  assert.equal(found?.field, "spec.versions[0].schema.openAPIV3Schema.properties[spec].additionalProperties.dependencies");
});

test("types in messages begin where the rule is", () => {
  const items = { type: "object", properties: { a: { type: "string" } } };
  const list = { type: "array", maxItems: 2, items, "x-kubernetes-validations": [{ rule: "self.sort() == self" }] };
  const [found] = judged({ type: "object", properties: { list }, "x-kubernetes-validations": [{ rule: "true" }] });
  assert.match(found?.body ?? "", /applied to 'list\(selfType\d+\.@idx\)\.\(\)'/);
});

test("versions are shown as Go has them: keys of defaults in their order, no lists that all versions have alike", () => {
  const spec = { type: "object", default: { b: 1, a: [] }, properties: { a: { type: "array", items: { type: "string" } }, b: { type: "integer" } } };
  const found = judged(spec, { storage: false, additionalPrinterColumns: [], selectableFields: [] });
  const text = found.find(({ field }) => field === "spec.versions")?.body ?? "";
  assert.match(text, /"Default":\{"a":\[\],"b":1\}/);
  assert.match(text, /"AdditionalPrinterColumns":null,"SelectableFields":null\}/);
});

test("a default that holds what the schema does not know is shown whole", () => {
  const [found] = judged({ type: "object", default: { z: [], b: { y: {}, x: 1 } }, properties: { c: { type: "string" } } });
  assert.equal(found?.body, 'Invalid value: {"b":{"x":1,"y":{}},"z":[]}: must not have unknown fields');
});

test("dependencies are shown as the choice that they are", () => {
  const found = judged({ type: "object", dependencies: { a: ["b"] } }, { storage: false });
  assert.match(found.find(({ field }) => field === "spec.versions")?.body ?? "", /"Dependencies":\{"a":\{"Schema":null,"Property":\["b"\]\}\}/);
});

test("a choice of integer or string is one whatever is there with nothing in it", () => {
  const found = judged({ "x-kubernetes-int-or-string": true, anyOf: [{ type: "integer" }, { type: "string", $ref: "" }] });
  assert.deepEqual(
    found.map(({ field }) => field),
    ["spec.versions[0].schema.openAPIV3Schema.properties[spec].anyOf[1].$ref"],
  );
});

test("rules on values under free keys of what is no map have no type", () => {
  const rule = [{ rule: "true" }];
  const found = judged({
    type: "object",
    "x-kubernetes-validations": rule,
    properties: { a: { type: "boolean", additionalProperties: { type: "string", "x-kubernetes-validations": rule } } },
  });
  assert.ok(found.some(({ body }) => body === "Internal error: failed to convert to declType for CEL validation rules"));
});

test("an integer or a string is told by the two types and nothing else", () => {
  const either = (first: object): object => ({ "x-kubernetes-int-or-string": true, anyOf: [{ type: "integer", ...first }, { type: "string" }] });
  assert.deepEqual(judged(either({ enum: [], allOf: [], definitions: {}, nullable: false, additionalProperties: false, description: "" })), []);
  const empty = [{ properties: {} }, { required: [] }, { "x-kubernetes-validations": [] }, { "x-kubernetes-list-map-keys": [] }, { externalDocs: {} }];
  const untyped = judged(either({ "x-kubernetes-list-type": "" }));
  assert.ok(untyped.some(({ field, body }) => field.endsWith("anyOf[0].x-kubernetes-list-type") && body.startsWith("Forbidden")));
  for (const more of [{ default: {} }, { items: {} }, { not: {} }, ...empty])
    assert.ok(
      judged(either(more)).some(({ field }) => field.endsWith("properties[spec].anyOf[0].type")),
      JSON.stringify(more),
    );
});

test("a rule that walks what is no list says which type of Go's it is", () => {
  const rules = [{ rule: "self.all(x, x == x)" }];
  const [found] = judged({ "x-kubernetes-int-or-string": true, default: "http", "x-kubernetes-validations": rules });
  assert.equal(found?.body, "Invalid value: \"\": got 'types.String', expected iterable type evaluating rule: self.all(x, x == x)");
});

test("metadata may be said to have none of what it may not have", () => {
  const metadata = (more: object): object => ({ type: "object", properties: { name: { type: "string" } }, ...more });
  const root = (more: object): object => ({ schema: { openAPIV3Schema: { type: "object", properties: { metadata: metadata(more) } } } });
  const complaints = (more: object): string[] => judged({}, root(more)).map(({ field, body }) => `${field} ${body}`);
  assert.deepEqual(complaints({ patternProperties: {} }), complaints({}));
  assert.notDeepEqual(complaints({ maxProperties: 3 }), complaints({}));
  for (const more of [{ dependencies: {} }, { definitions: {} }, { enum: [] }])
    assert.deepEqual(
      complaints(more).filter((one) => one.includes("implicitly")),
      [],
    );
});

test("selectable fields are looked at where the schema is not structural", () => {
  const found = judged({ type: "array", items: [] }, { selectableFields: [{ jsonPath: "" }] });
  const place = "spec.versions[0].selectableFields[0].jsonPath";
  assert.equal(found.find(({ field }) => field === place)?.body, "Required value");
});

test("beside a status subresource nothing at the root may be more than a schema's parts, be it false", () => {
  const [found] = judged(
    { type: "object" },
    {
      schema: { openAPIV3Schema: { type: "object", additionalItems: false } },
      subresources: { status: {} },
    },
  );
  assert.match(found?.body ?? "", /^Invalid value: \{"ID":.* fields are allowed at the root of the schema if the status subresource is enabled$/);
});

test("metadata of resources among defaults is stored in its form", () => {
  const metadata = { name: "n", extra: 1, creationTimestamp: null };
  const embedded = { type: "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true };
  const spec = { ...embedded, default: { apiVersion: "v1", kind: "Pod", metadata } };
  assert.deepEqual(judged(spec), []);
  assert.deepEqual(spec.default.metadata, { name: "n" });
});

const standing = (scope: string, storedVersions = ["v1"]) =>
  ({
    metadata: { name: "xs.example.com", resourceVersion: "1" },
    spec: {
      group: "example.com",
      scope,
      names: { plural: "xs", singular: "x", kind: "X", listKind: "XList" },
      versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } }],
      conversion: { strategy: "None" },
    },
    status: { conditions: [{ type: "Established", status: "True" }], acceptedNames: { plural: "xs", kind: "X" }, storedVersions },
  }) as unknown as CustomResourceDefinition;

test("a scope that may not change is shown as JSON", () => {
  const found = customResourceDefinitionKind.validateUpdate?.(standing("<&>"), standing("Cluster")) ?? [];
  assert.equal(found.at(-1)?.field, "spec.scope");
  assert.equal(found.at(-1)?.body, 'Invalid value: "\\u003c\\u0026\\u003e": field is immutable');
  assert.deepEqual(customResourceDefinitionKind.validateUpdate?.(standing("Cluster"), standing("Cluster")), []);
});

test("a stored version that is named twice and gone is missed once, where it is last", () => {
  const found = customResourceDefinitionKind.validateUpdate?.(standing("Cluster", ["v0", "v1", "v0"]), standing("Cluster")) ?? [];
  assert.deepEqual(
    found.map(({ field }) => field),
    ["status.storedVersions[2]"],
  );
});
