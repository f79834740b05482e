/** Custom resources and their definitions, for the differential run. */
import { apply, type Case, json, merge, type Step, strategic } from "./cases.ts";

type Properties = Record<string, object>;
const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const group = "diff.example.com";

const schemaOf = (spec: object, more: object = {}): object => ({ openAPIV3Schema: { type: "object", properties: { spec, ...more } } });
const object = (properties: Properties, more: object = {}): object => ({ type: "object", properties, ...more });

function definition(plural: string, version: object, spec: object = {}, metadata: object = {}): object {
  const kind = plural[0]?.toUpperCase() + plural.slice(1, -1);
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${group}`, ...metadata },
    spec: {
      group,
      scope: "Namespaced",
      names: { plural, kind },
      versions: [{ name: "v1", served: true, storage: true, ...version }],
      ...spec,
    },
  };
}
const at = (plural: string, name = "", version = "v1"): string => `/apis/${group}/${version}/namespaces/default/${plural}${name ? `/${name}` : ""}`;
const kindOf = (plural: string): string => `${plural[0]?.toUpperCase()}${plural.slice(1, -1)}`;
const one = (plural: string, name: string, spec: unknown, more: object = {}): object => ({
  apiVersion: `${group}/v1`,
  kind: kindOf(plural),
  metadata: { name },
  spec,
  ...more,
});

const created = (plural: string, version: object, spec: object = {}): Step[] => [
  { method: "POST", path: crds, body: definition(plural, version, spec), until: '"kind":"CustomResourceDefinition"' },
  { method: "GET", path: `${crds}/${plural}.${group}`, until: '"type":"Established"' },
  { method: "GET", path: `${crds}/${plural}.${group}`, until: "InitialNamesAccepted" },
  { method: "GET", path: `/apis/${group}/v1`, until: `"${plural}"` },
];
const removed = (plural: string): Step[] => [
  { method: "DELETE", path: `${crds}/${plural}.${group}` },
  { method: "GET", path: `${crds}/${plural}.${group}`, until: "NotFound" },
];

const wide = object(
  {
    color: { type: "string", enum: ["red", "green", "blue"] },
    size: { type: "integer", minimum: 1, maximum: 10, default: 3 },
    ratio: { type: "number", exclusiveMinimum: true, minimum: 0, multipleOf: 0.5 },
    port: { "x-kubernetes-int-or-string": true },
    name: { type: "string", minLength: 2, maxLength: 5, pattern: "^[a-z]+$" },
    address: { type: "string", format: "ipv4" },
    tags: { type: "array", items: { type: "string" }, "x-kubernetes-list-type": "set", maxItems: 3, minItems: 1 },
    rules: {
      type: "array",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["name"],
      items: object({ name: { type: "string" }, value: { type: "string" }, level: { type: "integer", default: 7 } }, { required: ["name"] }),
    },
    template: { type: "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true },
    raw: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
    labels: { type: "object", additionalProperties: { type: "string" }, maxProperties: 2 },
    note: { type: "string", nullable: true },
    on: { type: "boolean" },
    inner: object({ a: { type: "string", default: "x" }, b: object({ c: { type: "string" } }) }, { default: {} }),
    choice: {
      type: "object",
      properties: { a: { type: "string" }, b: { type: "string" } },
      oneOf: [{ required: ["a"] }, { required: ["b"] }],
    },
  },
  { required: ["color"] },
);
const wideVersion = {
  schema: schemaOf(wide, { status: object({ phase: { type: "string" }, replicas: { type: "integer" }, selector: { type: "string" } }) }),
  subresources: {
    status: {},
    scale: { specReplicasPath: ".spec.size", statusReplicasPath: ".status.replicas", labelSelectorPath: ".status.selector" },
  },
  additionalPrinterColumns: [
    { name: "Color", type: "string", jsonPath: ".spec.color" },
    { name: "Size", type: "integer", jsonPath: ".spec.size", description: "How large", priority: 1 },
    { name: "Tags", type: "string", jsonPath: ".spec.tags" },
    { name: "First", type: "string", jsonPath: ".spec.rules[0].name" },
    { name: "Ratio", type: "number", jsonPath: ".spec.ratio" },
    { name: "On", type: "boolean", jsonPath: ".spec.on" },
    { name: "Level", type: "string", jsonPath: '.spec.rules[?(@.name=="b")].level' },
  ],
  selectableFields: [{ jsonPath: ".spec.color" }, { jsonPath: ".spec.size" }],
};
const table = { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" };
const partial = { accept: "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io" };
const specs: unknown[] = [
  {},
  { color: "pink" },
  { color: "red", size: 0 },
  { color: "red", size: 11, ratio: 0, name: "x" },
  { color: "red", size: "3" },
  { color: "red", size: 2.5 },
  { color: "red", ratio: 0.7 },
  { color: "red", ratio: 2 },
  { color: "red", name: "toolong" },
  { color: "red", name: "A1" },
  { color: "red", address: "1.2.3" },
  { color: "red", address: "1.2.3.4" },
  { color: "red", tags: [] },
  { color: "red", tags: ["a", "b", "c", "d"] },
  { color: "red", tags: ["a", "a"] },
  { color: "red", tags: [1] },
  { color: "red", rules: [{ name: "a" }, { name: "a", value: "x" }] },
  { color: "red", rules: [{ value: "x" }] },
  { color: "red", rules: [null] },
  { color: "red", rules: [{ name: "a" }, { name: "b", extra: 1 }] },
  { color: "red", port: 1 },
  { color: "red", port: "http" },
  { color: "red", port: true },
  { color: "red", template: {} },
  { color: "red", template: { apiVersion: "v1", kind: "Pod", metadata: { name: "A B", labels: { "a b": "c" }, extra: 1 }, x: 1 } },
  { color: "red", template: { apiVersion: "v1", kind: "Pod", metadata: { name: "ok", extra: 1, creationTimestamp: null }, x: 1 } },
  { color: "red", template: { apiVersion: 1, kind: "Pod" } },
  { color: "red", raw: { any: [1, { b: null }] } },
  { color: "red", labels: { a: "1", b: "2", c: "3" } },
  { color: "red", labels: { a: 1 } },
  { color: "red", note: null, on: null, size: null },
  { color: "red", unknown: 1, inner: { z: 1, b: { c: "d", e: 1 } } },
  { color: "red", choice: {} },
  { color: "red", choice: { a: "1", b: "2" } },
  { color: "red", choice: { a: "1" } },
  { color: null },
  null,
  [],
  "text",
];

export const customResourceCases: Case[] = [
  {
    name: "crd life",
    steps: [
      ...created("lives", wideVersion),
      { method: "GET", path: "/apis", hide: ["serverAddressByClientCIDRs"] },
      { method: "GET", path: `/apis/${group}` },
      { method: "GET", path: "/apis", headers: { accept: "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList" } },
      { method: "POST", path: at("lives"), body: one("lives", "a", { color: "red", tags: ["t"], rules: [{ name: "a" }, { name: "b" }], ratio: 1.5 }) },
      { method: "POST", path: at("lives"), body: one("lives", "a", { color: "red" }) },
      { method: "GET", path: at("lives", "a") },
      { method: "GET", path: at("lives") },
      { method: "GET", path: `/apis/${group}/v1/lives` },
      { method: "GET", path: at("lives"), headers: table },
      { method: "GET", path: at("lives", "a"), headers: table },
      { method: "GET", path: at("lives"), headers: partial },
      { method: "GET", path: at("lives", "a"), headers: { accept: "application/yaml" } },
      { method: "GET", path: at("lives", "a"), headers: { accept: "application/vnd.kubernetes.protobuf" } },
      { method: "GET", path: `${at("lives")}?fieldSelector=spec.color%3Dred` },
      { method: "GET", path: `${at("lives")}?fieldSelector=spec.color%3Dblue` },
      { method: "GET", path: `${at("lives")}?fieldSelector=spec.size%3D3,metadata.name=a` },
      { method: "GET", path: `${at("lives")}?fieldSelector=spec.note%3Dblue` },
      { method: "GET", path: `${at("lives")}?limit=1` },
      { method: "PUT", path: at("lives", "a"), body: one("lives", "a", { color: "blue" }) },
      { method: "GET", path: at("lives", "a") },
      {
        method: "PUT",
        path: at("lives", "a"),
        body: one("lives", "a", { color: "blue" }, { metadata: { name: "a", resourceVersion: "{rv}" }, status: { phase: "x" } }),
      },
      { method: "PATCH", path: at("lives", "a"), body: { spec: { size: 4, on: true } }, headers: merge },
      { method: "PATCH", path: at("lives", "a"), body: [{ op: "replace", path: "/spec/size", value: 5 }], headers: json },
      { method: "PATCH", path: at("lives", "a"), body: [{ op: "replace", path: "/spec/size", value: 50 }], headers: json },
      { method: "PATCH", path: at("lives", "a"), body: { spec: { size: 6 } }, headers: strategic },
      { method: "PATCH", path: `${at("lives", "a")}?fieldValidation=Strict`, body: { spec: { nope: 6 } }, headers: merge },
      { method: "PATCH", path: at("lives", "a"), body: { spec: { nope: 6 } }, headers: merge },
      {
        method: "PATCH",
        path: `${at("lives", "a")}/status`,
        body: { status: { phase: "Good", replicas: 2, selector: "a=b" }, spec: { size: 9 } },
        headers: merge,
      },
      { method: "PATCH", path: `${at("lives", "a")}/status`, body: { status: { phase: 5 } }, headers: merge },
      { method: "GET", path: `${at("lives", "a")}/status` },
      { method: "GET", path: `${at("lives", "a")}/scale` },
      { method: "GET", path: `${at("lives", "a")}/scale`, headers: table },
      {
        method: "PUT",
        path: `${at("lives", "a")}/scale`,
        body: { apiVersion: "autoscaling/v1", kind: "Scale", metadata: { name: "a", namespace: "default" }, spec: { replicas: 8 } },
      },
      { method: "PATCH", path: `${at("lives", "a")}/scale`, body: { spec: { replicas: 7 } }, headers: merge },
      { method: "PATCH", path: `${at("lives", "a")}/scale`, body: { spec: { replicas: -7 } }, headers: merge },
      { method: "PATCH", path: `${at("lives", "a")}/scale`, body: { spec: { replicas: 70 } }, headers: merge },
      { method: "GET", path: at("lives", "a") },
      { method: "GET", path: `${at("lives", "a")}/nope` },
      { method: "GET", path: at("lives", "zz") },
      { method: "PUT", path: at("lives", "zz"), body: one("lives", "zz", { color: "red" }) },
      { method: "POST", path: `/apis/${group}/v1/lives`, body: one("lives", "c", { color: "red" }) },
      { method: "GET", path: `/apis/${group}/v2/lives` },
      { method: "GET", path: `/apis/${group}/v1/others` },
      { method: "POST", path: `${at("lives")}?dryRun=All`, body: one("lives", "dry", { color: "red" }) },
      { method: "POST", path: at("lives"), body: { ...one("lives", "", { color: "red" }), metadata: { generateName: "gn-" } } },
      { method: "DELETE", path: at("lives", "a") },
      { method: "DELETE", path: at("lives", "a") },
      { method: "DELETE", path: at("lives") },
      { method: "GET", path: at("lives") },
      { method: "POST", path: at("lives"), body: { ...one("lives", "fin", { color: "red" }), metadata: { name: "fin", finalizers: ["a", "b.c", "d.e/f"] } } },
      { method: "DELETE", path: at("lives", "fin") },
      { method: "PATCH", path: at("lives", "fin"), body: { metadata: { finalizers: null } }, headers: merge },
      ...removed("lives"),
      { method: "GET", path: at("lives"), until: "404" },
    ],
  },
  {
    name: "crd values",
    steps: [
      ...created("values", wideVersion),
      ...specs.map((spec, i): Step => ({ method: "POST", path: at("values"), body: one("values", `v${i}`, spec) })),
      ...specs.map((spec, i): Step => ({ method: "POST", path: `${at("values")}?fieldValidation=Strict`, body: one("values", `s${i}`, spec) })),
      { method: "POST", path: at("values"), body: { ...one("values", "x", { color: "red" }), kind: "Other" } },
      { method: "POST", path: at("values"), body: { ...one("values", "x", { color: "red" }), apiVersion: "v1" } },
      { method: "POST", path: at("values"), body: { ...one("values", "x", { color: "red" }), apiVersion: `${group}/v2` } },
      { method: "POST", path: at("values"), body: { metadata: { name: "x" } } },
      { method: "POST", path: at("values"), body: { ...one("values", "x", { color: "red" }), kind: 5 } },
      { method: "POST", path: at("values"), body: { ...one("values", "x", { color: "red" }), metadata: 5 } },
      { method: "POST", path: at("values"), body: { ...one("values", "x", { color: "red" }), metadata: { name: 5 } } },
      { method: "POST", path: at("values"), body: { ...one("values", "x", { color: "red" }), metadata: { name: "x", nope: 5, labels: { a: "b" } }, top: 1 } },
      { method: "POST", path: at("values"), body: { ...one("values", "Bad_Name", { color: "red" }) } },
      { method: "POST", path: at("values"), body: "{", headers: { "content-type": "application/json" } },
      { method: "POST", path: at("values"), body: "[]", headers: { "content-type": "application/json" } },
      { method: "POST", path: at("values"), body: "" },
      {
        method: "POST",
        path: at("values"),
        body: '{"kind":"Value","kind":"Value","apiVersion":"diff.example.com/v1","metadata":{"name":"dup"},"spec":{"color":"red","color":"blue"}}',
      },
      {
        method: "POST",
        path: at("values"),
        body: "kind: Value\napiVersion: diff.example.com/v1\nmetadata: {name: yaml}\nspec: {color: red, size: 4}\n",
        headers: { "content-type": "application/yaml" },
      },
      ...removed("values"),
    ],
  },
  {
    name: "crd apply",
    steps: [
      ...created("applies", wideVersion),
      {
        method: "PATCH",
        path: `${at("applies", "a")}?fieldManager=one`,
        body: one("applies", "a", { color: "red", rules: [{ name: "a", value: "1" }], tags: ["x"] }),
        headers: apply,
      },
      {
        method: "PATCH",
        path: `${at("applies", "a")}?fieldManager=two`,
        body: one("applies", "a", { color: "blue", rules: [{ name: "b", value: "1" }], tags: ["y"] }),
        headers: apply,
      },
      {
        method: "PATCH",
        path: `${at("applies", "a")}?fieldManager=two`,
        body: one("applies", "a", { rules: [{ name: "b", value: "1" }], tags: ["y"] }),
        headers: apply,
      },
      {
        method: "PATCH",
        path: `${at("applies", "a")}?fieldManager=two&force=true`,
        body: one("applies", "a", { color: "blue", rules: [{ name: "a", value: "2" }] }),
        headers: apply,
      },
      { method: "PATCH", path: `${at("applies", "a")}?fieldManager=one`, body: one("applies", "a", { tags: ["x"] }), headers: apply },
      { method: "PATCH", path: `${at("applies", "a")}?fieldManager=one`, body: one("applies", "a", { color: "blue", unknown: ["x"] }), headers: apply },
      { method: "PATCH", path: `${at("applies", "a")}?fieldManager=one`, body: one("applies", "a", { color: 5 }), headers: apply },
      {
        method: "PATCH",
        path: `${at("applies", "a")}?fieldManager=one`,
        body: one("applies", "a", { color: "blue", raw: { a: { b: 1 }, c: [1] } }),
        headers: apply,
      },
      { method: "PATCH", path: `${at("applies", "a")}?fieldManager=two`, body: one("applies", "a", { color: "blue", raw: { a: { d: 1 } } }), headers: apply },
      {
        method: "PATCH",
        path: `${at("applies", "a")}/status?fieldManager=st`,
        body: { ...one("applies", "a", undefined), status: { phase: "x" } },
        headers: apply,
      },
      { method: "PUT", path: at("applies", "a"), body: one("applies", "a", { color: "green" }, { metadata: { name: "a", resourceVersion: "{rv}" } }) },
      {
        method: "PATCH",
        path: `${at("applies", "a")}/scale?fieldManager=sc`,
        body: { apiVersion: "autoscaling/v1", kind: "Scale", metadata: { name: "a" }, spec: { replicas: 4 } },
        headers: apply,
      },
      { method: "GET", path: at("applies", "a") },
      ...removed("applies"),
    ],
  },
  {
    name: "crd rules",
    steps: [
      ...created("rules", {
        schema: schemaOf(
          object(
            {
              a: { type: "integer" },
              b: { type: "integer" },
              s: { type: "string", maxLength: 20, "x-kubernetes-validations": [{ rule: "self.startsWith('x')", message: "must start with x" }] },
              list: {
                type: "array",
                maxItems: 10,
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["k"],
                items: object(
                  { k: { type: "string", maxLength: 10 }, v: { type: "integer" } },
                  { required: ["k"], "x-kubernetes-validations": [{ rule: "self.v >= oldSelf.v", messageExpression: '"v was " + string(oldSelf.v)' }] },
                ),
              },
              map: {
                type: "object",
                maxProperties: 5,
                additionalProperties: { type: "integer", "x-kubernetes-validations": [{ rule: "self > 0", reason: "FieldValueForbidden" }] },
              },
              any: { "x-kubernetes-int-or-string": true, "x-kubernetes-validations": [{ rule: "type(self) == int ? self < 5 : self == 'five'" }] },
              when: { type: "string", format: "date-time" },
              once: {
                type: "string",
                "x-kubernetes-validations": [{ rule: "!oldSelf.hasValue() || oldSelf.value() == self", optionalOldSelf: true, message: "once" }],
              },
            },
            {
              "x-kubernetes-validations": [
                {
                  rule: "!has(self.a) || !has(self.b) || self.a < self.b",
                  messageExpression: "'a is ' + string(self.a)",
                  fieldPath: ".a",
                  reason: "FieldValueInvalid",
                },
                { rule: "!has(self.when) || self.when > timestamp('2020-01-01T00:00:00Z')" },
                { rule: "!has(self.a) || 10 / self.a > 0" },
              ],
            },
          ),
        ),
      }),
      ...[
        { a: 1, b: 2 },
        { a: 2, b: 1 },
        { a: 0, b: 1 },
        { s: "y" },
        { s: "x" },
        { map: { k: 0, l: 1 } },
        { any: 3 },
        { any: 7 },
        { any: "six" },
        { when: "2019-01-01T00:00:00Z" },
        { when: "nope" },
        { list: [{ k: "a", v: 1 }] },
        { s: 5, a: 5, b: 4 },
      ].map((spec, i): Step => ({ method: "POST", path: at("rules"), body: one("rules", `r${i}`, spec) })),
      {
        method: "POST",
        path: at("rules"),
        body: one("rules", "u", {
          list: [
            { k: "a", v: 2 },
            { k: "b", v: 2 },
          ],
          once: "q",
          s: "x",
        }),
      },
      {
        method: "PATCH",
        path: at("rules", "u"),
        body: {
          spec: {
            list: [
              { k: "b", v: 1 },
              { k: "a", v: 1 },
              { k: "c", v: 0 },
            ],
          },
        },
        headers: merge,
      },
      {
        method: "PATCH",
        path: at("rules", "u"),
        body: {
          spec: {
            list: [
              { k: "b", v: 3 },
              { k: "c", v: 0 },
            ],
            once: "r",
          },
        },
        headers: merge,
      },
      {
        method: "PATCH",
        path: at("rules", "u"),
        body: {
          spec: {
            list: [
              { k: "b", v: 3 },
              { k: "c", v: 0 },
            ],
          },
        },
        headers: merge,
      },
      ...removed("rules"),
    ],
  },
  {
    name: "crd mistakes",
    steps: mistakes().map((body): Step => ({ method: "POST", path: `${crds}?dryRun=All`, body })),
  },
];

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
