/** What kube-apiserver 1.36 says of definitions, and of objects by their definitions. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DecodeError } from "../codec/decode-error.ts";
import { normalize } from "../codec/normalize.ts";
import { deepCopy } from "../copy.ts";
import type { FieldError } from "../field.ts";
import type { JSONObject, JSONValue } from "../json.ts";
import type { KubeObject } from "../object.ts";
import { typeOfKind } from "../schema/schema.ts";
import type { CustomResourceDefinition } from "../types/apiextensions-v1.gen.ts";
import { customResourceKind } from "./custom-resource.ts";
import { CustomVersion } from "./custom-version.ts";
import { customResourceDefinitionKind } from "./customresourcedefinition.ts";
import mistakes from "./testdata/mistakes.json" with { type: "json" };
import objects from "./testdata/objects.json" with { type: "json" };

const type = typeOfKind("apiextensions.k8s.io/v1", "CustomResourceDefinition");
assert.ok(type);

function prepared(given: object): CustomResourceDefinition {
  const definition = normalize(type as NonNullable<typeof type>, given as JSONObject, "kept").object as unknown as CustomResourceDefinition;
  definition.metadata ??= {} as CustomResourceDefinition["metadata"];
  customResourceDefinitionKind.setDefaults?.(definition);
  customResourceDefinitionKind.prepareForCreate?.(definition);
  return definition;
}
const causes = (errors: readonly FieldError[]) =>
  errors.map((error) => ({ field: error.field, message: error.body, reason: error.type })).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));

for (const [i, one] of mistakes.entries())
  test(`definition ${i} is judged as upstream judges it`, () => {
    assert.deepEqual(causes(customResourceDefinitionKind.validate?.(prepared(one.definition)) ?? []), one.causes);
  });

for (const { definition: given, judged } of objects as { definition: object; judged: { object: object; causes?: unknown[]; spec?: unknown }[] }[]) {
  const definition = prepared(given);
  definition.status.acceptedNames = definition.spec.names;
  const [version] = definition.spec.versions;
  assert.ok(version);
  const custom = new CustomVersion(definition, version);
  const kind = customResourceKind("values", custom);
  for (const [i, one] of judged.entries())
    test(`object ${i} of ${definition.spec.names.plural} is judged as upstream judges it`, () => {
      const object = deepCopy(one.object) as unknown as KubeObject;
      object.metadata.namespace = "default";
      try {
        custom.coerce(object as unknown as JSONObject);
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        assert.fail(error.message);
      }
      custom.setDefaults(object as unknown as JSONObject);
      kind.prepareForCreate?.(object);
      const errors = kind.validate?.(object) ?? [];
      assert.deepEqual(causes(errors), one.causes ?? []);
      if (!one.causes) assert.deepEqual((object as { spec?: unknown }).spec ?? null, one.spec);
    });
}

test("a status that names no stored version gets the one that the specification stores in", () => {
  const names = { plural: "as", kind: "A" };
  const old = prepared({
    metadata: { name: "as.b.c" },
    spec: { group: "b.c", scope: "Cluster", names, versions: [{ name: "v2", served: true, storage: true }] },
  });
  const next = { ...deepCopy(old), spec: { ...old.spec, versions: [] }, status: undefined } as unknown as CustomResourceDefinition;
  customResourceDefinitionKind.subresources?.status?.prepareForUpdate?.(next, old);
  assert.deepEqual(next.status.storedVersions, ["v2"]);
});

test("what Go takes for something in a schema counts until it is stored", () => {
  const judge = (schema: JSONObject, subresources?: JSONObject): string[] => {
    const versions = [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: schema }, ...(subresources ? { subresources } : {}) }];
    const definition = prepared({ metadata: { name: "as.b.c" }, spec: { group: "b.c", scope: "Cluster", names: { plural: "as", kind: "A" }, versions } });
    return causes(customResourceDefinitionKind.validate?.(definition) ?? []).map(({ message }) => message ?? "");
  };
  const root = (more: JSONObject): number => judge({ type: "object", ...more }, { status: {} }).filter((message) => message.includes("at the root")).length;
  assert.deepEqual([root({}), root({ required: [] }), root({ oneOf: [] }), root({ "x-kubernetes-map-type": "" }), root({ title: "" })], [0, 0, 1, 1, 0]);
  const list = (items: JSONValue): string | undefined =>
    judge({ type: "object", properties: { a: { type: "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["n"], items } } }).find(
      (message) => message.includes("if x-kubernetes-list-type is map"),
    );
  const single = "must only have a single schema if x-kubernetes-list-type is map";
  assert.equal(list(null), "Required value: must have a schema if x-kubernetes-list-type is map");
  assert.deepEqual(judge({ type: "object", properties: { a: { type: "array", items: "x" } } }), ["Required value: must be specified"]);
  assert.equal(list(1.5), `Invalid value: {"Schema":null,"JSONSchemas":null}: ${single}`);
  assert.equal(list([]), `Invalid value: {"Schema":null,"JSONSchemas":[]}: ${single}`);
});

test("a webhook that says nothing converts nothing", () => {
  const versions = [{ name: "v1", served: true, storage: true }];
  const conversion = (webhook: JSONObject) =>
    prepared({
      metadata: {},
      spec: { group: "b.c", scope: "Cluster", names: { plural: "as", kind: "A" }, versions, conversion: { strategy: "None", webhook } },
    }).spec.conversion;
  assert.deepEqual(conversion({}), { strategy: "None" });
  assert.deepEqual(conversion({ conversionReviewVersions: null }), { strategy: "None" });
  assert.deepEqual(conversion({ conversionReviewVersions: ["v1"] })?.webhook, { conversionReviewVersions: ["v1"] });
});

test("rules are timed for each value that they may judge, and each update by what it leaves as it was", () => {
  const rules = [{ rule: "self < 10" }];
  const spec = {
    type: "object",
    properties: { sizes: { type: "array", items: { type: "integer", "x-kubernetes-validations": rules } }, color: { type: "string" } },
  };
  const versions = [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object", properties: { spec } } } }];
  const definition = prepared({ metadata: { name: "as.b.c" }, spec: { group: "b.c", scope: "Cluster", names: { plural: "as", kind: "A" }, versions } });
  definition.status.acceptedNames = definition.spec.names;
  let now = 0;
  const seen: string[] = [];
  const kind = customResourceKind("as.b.c", new CustomVersion(definition, definition.spec.versions[0] as never), {
    now: () => now++,
    compiled: () => void seen.push("compiled"),
    evaluated: () => void seen.push("evaluated"),
    ratcheted: (took) => void seen.push(`ratcheted ${took > 0}`),
  });
  const object = (spec: object) =>
    ({ apiVersion: "b.c/v1", kind: "A", metadata: { name: "a", uid: "u", resourceVersion: "1" }, spec }) as unknown as KubeObject;
  const counted = (judge: () => unknown): string[] => {
    judge();
    return seen.splice(0);
  };
  assert.deepEqual(
    counted(() => kind.validate?.(object({ sizes: [1, 2] }))),
    ["compiled", ...Array.from({ length: 5 }, () => "evaluated")],
  );
  const old = object({ sizes: [20] });
  const errors = () => kind.validateUpdate?.(object({ sizes: [20], color: "red" }), old);
  assert.deepEqual(errors(), []);
  assert.deepEqual(seen.splice(0), [...Array.from({ length: 4 }, () => "evaluated"), "ratcheted true"]);
});
