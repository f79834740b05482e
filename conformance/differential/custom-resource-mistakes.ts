/** Definitions that are wrong in one way each. */
import type { Case, Step } from "./cases.ts";
import { crds, definition, schemaOf } from "./custom-resource-made.ts";

export const customResourceMistakes: Case = {
  name: "crd mistakes",
  steps: mistakes().map((body): Step => ({ method: "POST", path: `${crds}?dryRun=All`, body })),
};

function mistakes(): unknown[] {
  const withSchema = (schema: unknown, version: object = {}): object => definition("mistakes", { schema: { openAPIV3Schema: schema }, ...version });
  const spec = (property: object): object => withSchema({ type: "object", properties: { spec: { type: "object", properties: { a: property } } } });
  const rule = (rule: string, more: object = {}, property: object = { type: "string" }): object =>
    spec({ ...property, "x-kubernetes-validations": [{ rule, ...more }] });
  return [
    {},
    { apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition", metadata: { name: "x" }, spec: {} },
    definition("mistakes", {}),
    definition("mistakes", { schema: {} }),
    definition("mistakes", { schema: schemaOf({}) }),
    definition("mistakes", { schema: schemaOf({ type: "object" }) }, {}, { name: "other" }),
    definition("mistakes", { schema: schemaOf({ type: "object" }) }, { group: "nodots" }),
    definition("mistakes", { schema: schemaOf({ type: "object" }) }, { scope: "Other" }),
    definition(
      "mistakes",
      { schema: schemaOf({ type: "object" }) },
      { names: { plural: "mistakes", kind: "Bad_Kind", shortNames: ["A"], categories: ["B C"], singular: "X" } },
    ),
    definition("mistakes", { schema: schemaOf({ type: "object" }) }, { names: { plural: "mistakes", kind: "Same", listKind: "Same" } }),
    definition("mistakes", { schema: schemaOf({ type: "object" }), storage: false }),
    definition("mistakes", { schema: schemaOf({ type: "object" }), name: "V1" }),
    definition("mistakes", { schema: schemaOf({ type: "object" }), deprecationWarning: "x" }),
    definition("mistakes", { schema: schemaOf({ type: "object" }) }, { preserveUnknownFields: true }),
    definition("mistakes", { schema: schemaOf({ type: "object" }) }, { conversion: { strategy: "Webhook" } }),
    definition("mistakes", { schema: schemaOf({ type: "object" }) }, { conversion: { strategy: "Other" } }),
    definition(
      "mistakes",
      { schema: schemaOf({ type: "object" }) },
      {
        conversion: { strategy: "Webhook", webhook: { conversionReviewVersions: ["v5", "v5", "A"], clientConfig: { url: "http://a/b?c#d" } } },
      },
    ),
    definition(
      "mistakes",
      { schema: schemaOf({ type: "object" }) },
      {
        conversion: {
          strategy: "Webhook",
          webhook: { conversionReviewVersions: ["v1"], clientConfig: { service: { name: "", namespace: "n", path: "a//B" } } },
        },
      },
    ),
    definition("mistakes", { schema: schemaOf({ type: "object" }) }, { conversion: { strategy: "None", webhook: { conversionReviewVersions: ["v1"] } } }),
    definition("mistakes", {
      schema: schemaOf({ type: "object" }),
      subresources: { scale: { specReplicasPath: "spec.r", statusReplicasPath: ".spec.r", labelSelectorPath: ".x" } },
      additionalPrinterColumns: [{ name: "", type: "x", format: "y", jsonPath: "z" }],
      selectableFields: [{ jsonPath: ".spec.a" }, { jsonPath: ".metadata.name" }, { jsonPath: ".spec" }, { jsonPath: "" }],
    }),
    withSchema({ type: "string" }),
    withSchema({ type: "object", additionalProperties: true }),
    withSchema({ properties: { spec: {} } }),
    withSchema({ type: "object", nullable: true, properties: { metadata: { type: "object", properties: { labels: { type: "object" } } } } }),
    withSchema({
      type: "object",
      properties: { metadata: { type: "object", properties: { name: { type: "string", pattern: "a" } } }, kind: { type: "integer" } },
    }),
    withSchema({ type: "object", required: ["spec"], maxProperties: 5 }, { subresources: { status: {} } }),
    spec({ type: "array" }),
    spec({ type: "array", items: {} }),
    spec({ type: "array", items: [{ type: "string" }] }),
    spec({ type: "strange" }),
    spec({ type: "null" }),
    spec({ type: "string", pattern: "(" }),
    spec({ type: "string", format: "strange" }),
    spec({ type: "string", default: 5 }),
    spec({ type: "integer", default: 5, minimum: 6 }),
    spec({ type: "object", default: { x: 1 } }),
    spec({ type: "object", properties: { x: { type: "string" } }, additionalProperties: { type: "string" } }),
    spec({ type: "object", "x-kubernetes-embedded-resource": true }),
    spec({ type: "string", "x-kubernetes-embedded-resource": true }),
    spec({ "x-kubernetes-int-or-string": true, "x-kubernetes-preserve-unknown-fields": true }),
    spec({ "x-kubernetes-int-or-string": true, anyOf: [{ type: "integer" }, { type: "string" }] }),
    spec({ "x-kubernetes-int-or-string": true, type: "string" }),
    spec({ "x-kubernetes-preserve-unknown-fields": false }),
    spec({
      type: "object",
      anyOf: [
        { type: "object", properties: { q: { minLength: 1 } } },
        { default: 1, nullable: true, description: "d" },
      ],
    }),
    spec({ type: "object", properties: { q: { type: "string" } }, not: { properties: { q: { enum: ["a"] }, r: {} } } }),
    spec({ type: "array", items: { type: "object" }, "x-kubernetes-list-type": "set" }),
    spec({ type: "array", items: { type: "string" }, "x-kubernetes-list-type": "map" }),
    spec({
      type: "array",
      items: { type: "object", properties: { k: { type: "string" } } },
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["k", "k", "z"],
    }),
    spec({ type: "array", items: { type: "string" }, "x-kubernetes-list-type": "strange", "x-kubernetes-list-map-keys": ["k"] }),
    spec({ type: "string", "x-kubernetes-list-type": "set", "x-kubernetes-map-type": "strange" }),
    spec({ type: "array", uniqueItems: true, items: { type: "string", nullable: true }, "x-kubernetes-list-type": "set" }),
    spec({ $ref: "#/x" }),
    spec({ type: "object", patternProperties: { a: { type: "string" } } }),
    rule("self ="),
    rule("self"),
    rule("self.x == 1"),
    rule("self == 'a'", { message: " " }),
    rule("self == 'a'", { message: "a\nb" }),
    rule("self ==\n'a'"),
    rule(" "),
    rule("self == 'a'", { messageExpression: "1" }),
    rule("self == 'a'", { messageExpression: "self +" }),
    rule("self == 'a'", { reason: "Strange", fieldPath: ".x" }),
    rule("self == 'a'", { optionalOldSelf: true }),
    rule("oldSelf == 'a'", { optionalOldSelf: true }),
    rule("self.all(x, self.all(y, x == y))", {}, { type: "array", items: { type: "string" } }),
    rule("self.all(x, x.all(y, y.contains('a')))", {}, { type: "array", items: { type: "array", items: { type: "string" } } }),
    spec({ type: "array", items: { type: "object", properties: { k: { type: "string", "x-kubernetes-validations": [{ rule: "oldSelf == self" }] } } } }),
    rule("quantity(self).isGreaterThan(quantity('1'))"),
    rule("self.b > 1", {}, { type: "object", properties: { b: { type: "integer" } } }),
    rule("isURL(self) && url(self).getHost() == 'a'"),
    rule("self.matches('[')"),
    definition("mistakes", { schema: schemaOf({ type: "object" }) }, { group: "x.k8s.io" }, { name: "mistakes.x.k8s.io" }),
    definition(
      "mistakes",
      { schema: schemaOf({ type: "object" }) },
      { group: "x.k8s.io" },
      { name: "mistakes.x.k8s.io", annotations: { "api-approved.kubernetes.io": "nope" } },
    ),
    definition(
      "mistakes",
      { schema: schemaOf({ type: "object" }) },
      { group: "x.k8s.io" },
      { name: "mistakes.x.k8s.io", annotations: { "api-approved.kubernetes.io": "unapproved, x" } },
    ),
  ];
}
