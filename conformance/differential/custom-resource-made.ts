/** The definitions and objects of the hand-written cases of custom resources, and their coming and going. */
import type { Step } from "./cases.ts";

export type Properties = Record<string, object>;
export const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
export const group = "diff.example.com";

export const schemaOf = (spec: object, more: object = {}): object => ({ openAPIV3Schema: { type: "object", properties: { spec, ...more } } });
export const object = (properties: Properties, more: object = {}): object => ({ type: "object", properties, ...more });

export function definition(plural: string, version: object, spec: object = {}, metadata: object = {}): object {
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
export const at = (plural: string, name = "", version = "v1"): string => `/apis/${group}/${version}/namespaces/default/${plural}${name ? `/${name}` : ""}`;
export const kindOf = (plural: string): string => `${plural[0]?.toUpperCase()}${plural.slice(1, -1)}`;
export const one = (plural: string, name: string, spec: unknown, more: object = {}): object => ({
  apiVersion: `${group}/v1`,
  kind: kindOf(plural),
  metadata: { name },
  spec,
  ...more,
});

export const created = (plural: string, version: object, spec: object = {}): Step[] => [
  { method: "POST", path: crds, body: definition(plural, version, spec), until: '"kind":"CustomResourceDefinition"' },
  { method: "GET", path: `${crds}/${plural}.${group}`, until: "InitialNamesAccepted" },
  { method: "GET", path: `/apis/${group}/v1`, until: `"${plural}"` },
];
export const removed = (plural: string): Step[] => [
  { method: "DELETE", path: `${crds}/${plural}.${group}` },
  { method: "GET", path: `${crds}/${plural}.${group}`, until: "NotFound" },
];

export const wide = object(
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
export const wideVersion = {
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
export const table = { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" };
export const partial = { accept: "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io" };
