/** Random definitions, changes of them, and mistakes in them. */
import { changedSchema, decorated, type Making, objectSchema, propertiesOf, type Schema, schemaOf } from "./definitions-schema.ts";
import { chance, pick } from "./mutate.ts";

export interface Version {
  name: string;
  served: boolean;
  storage: boolean;
  [more: string]: unknown;
}
export interface Spec {
  group: string;
  scope: string;
  names: { plural: string; kind: string; [more: string]: unknown };
  versions: Version[];
  [more: string]: unknown;
}
export interface Definition {
  apiVersion: string;
  kind: string;
  metadata: Record<string, unknown>;
  spec: Spec;
}
export const rootOf = (version: Version): Schema => ((version.schema as { openAPIV3Schema?: Schema } | undefined)?.openAPIV3Schema ?? {}) as Schema;

/** Every place in a schema where a value of the kind would lie, as JSON paths. */
function* paths(schema: Schema, at: string, depth = 4): Generator<[string, Schema]> {
  yield [at, schema];
  if (depth <= 0) return;
  for (const [name, property] of Object.entries(propertiesOf(schema)))
    yield* paths(property, /^[a-zA-Z_]\w*$/.test(name) ? `${at}.${name}` : `${at}['${name}']`, depth - 1);
  const { items, additionalProperties: values } = schema;
  if (items && !Array.isArray(items)) yield* paths(items as Schema, `${at}[${depth % 2 ? "*" : "0"}]`, depth - 1);
  if (values && typeof values === "object") yield* paths(values as Schema, `${at}.a`, depth - 1);
}
const scalar = new Set(["string", "integer", "boolean"]);

export function columns({ random, wrong }: Making, root: Schema): object[] {
  const places = [...paths(root, "")].slice(1);
  const types = ["string", "integer", "number", "boolean", "date"];
  const odd = [
    ".metadata.creationTimestamp",
    ".metadata.name",
    ".metadata.labels.a\\.b/c",
    ".spec..name",
    '.spec.list[?(@.name=="a")].size',
    ".spec.list[-1:]",
    ".spec.list[0:1].name",
    ".spec.list[*].name",
    ".spec.*",
    "..name",
    '.spec["x-y"]',
    ".status.conditions[?(@.type=='Ready')].status",
    ".nope.nope",
    ".spec.list[7]",
    ".",
    ".spec['a','b']",
    ".metadata.managedFields[0].time",
    ".spec.list[?(@.size>1)].name",
  ];
  const bad = ["", "spec", "{.spec}", ".spec[", ".spec.list[?(@.a)", ".a b", ".{}", ".spec.list[a]", ".spec.list[1:2:0]", ".spec.list[?(@.a==)]"];
  return Array.from({ length: random.int(4) }, (_, i) => {
    const [path = ".spec", schema] = places.length && chance(random, 0.7) ? pick(random, places) : [pick(random, chance(random, 1 - wrong) ? odd : bad)];
    const own =
      schema?.type === "array" || schema?.type === "object" || schema === undefined
        ? pick(random, types)
        : chance(random, 0.75)
          ? String(schema.type ?? "string")
          : pick(random, types);
    return {
      // Of paths that find things in any order, R tells.
      name: chance(random, wrong / 2) ? "" : `${/\.\*|\.\./.test(path) ? "R" : "C"}${i}`,
      type: chance(random, wrong / 2) ? pick(random, ["", "object", "array"]) : own,
      jsonPath: path,
      ...(chance(random, 0.15) ? { format: pick(random, ["int32", "date-time", "password", chance(random, wrong) ? "strange" : "byte"]) } : {}),
      ...(chance(random, 0.2) ? { description: "D" } : {}),
      ...(chance(random, 0.2) ? { priority: pick(random, [0, 1, chance(random, wrong) ? -1 : 5]) } : {}),
    };
  });
}

export function selectable({ random, wrong }: Making, root: Schema): object[] {
  const places = [...paths(root, "")].filter(([path, { type }]) => scalar.has(String(type)) && !/\[/.test(path));
  const bad = [".metadata.name", ".spec", "", "spec.a", ".spec.list[0]", ".nope", ".spec['x']", ".spec.a.b.c", "."];
  return Array.from({ length: 1 + random.int(2) }, () => ({
    jsonPath: chance(random, wrong) || !places.length ? pick(random, bad) : pick(random, places)[0],
  })).filter(
    (one, i, all) => chance(random, wrong) || (all.findIndex((other) => other.jsonPath === one.jsonPath) === i && (places.length > 0 || chance(random, wrong))),
  );
}

function rootSchema(making: Making): Schema {
  const { random, wrong } = making;
  const root: Schema = { type: "object" };
  const spec = chance(random, 0.9) ? decorated(making, objectSchema(making, 3)) : schemaOf(making, 2);
  const properties: Record<string, Schema> = { spec };
  if (chance(random, 0.75)) {
    const status = objectSchema(making, 1);
    status.properties = {
      ...propertiesOf(status),
      replicas: { type: "integer" },
      selector: { type: "string" },
      phase: { type: "string", ...(chance(random, 0.3) ? { enum: ["Ready", "Not"] } : {}) },
    };
    properties.status = status;
  }
  if (chance(random, 0.08))
    properties.metadata = chance(random, wrong)
      ? { type: "object", properties: { labels: { type: "object" } } }
      : { type: "object", properties: { name: { type: "string", maxLength: 12, pattern: "^e" } } };
  if (chance(random, 0.3)) Object.assign(properties, { apiVersion: { type: "string" }, kind: { type: "string" } });
  if (chance(random, 0.12)) properties.data = schemaOf(making, 1);
  if (spec.type === "object" && !spec.additionalProperties && chance(random, 0.3))
    spec.properties = { ...propertiesOf(spec), replicas: { type: "integer", ...(chance(random, 0.3) ? { minimum: 0, default: 1 } : {}) } };
  root.properties = properties;
  if (chance(random, 0.15)) root.required = ["spec"];
  if (chance(random, 0.05)) root["x-kubernetes-preserve-unknown-fields"] = true;
  if (chance(random, 0.1))
    root["x-kubernetes-validations"] = [
      {
        rule: pick(random, [
          "self.metadata.name.startsWith('e')",
          "size(self.metadata.name) < 12",
          "has(self.spec)",
          "!has(self.metadata.generateName)",
          "self.kind == self.kind",
          "!has(self.status) || !has(self.status.replicas) || self.status.replicas < 5",
          chance(random, wrong) ? "has(self.metadata.labels)" : "true",
        ]),
      },
    ];
  return root;
}

export function subresources({ random, wrong }: Making): object | undefined {
  if (chance(random, 0.3)) return undefined;
  const made: Record<string, unknown> = {};
  if (chance(random, 0.85)) made.status = {};
  if (chance(random, 0.4))
    made.scale = {
      specReplicasPath: chance(random, wrong) ? pick(random, ["", "spec.r", ".status.replicas", ".spec.list[0]"]) : ".spec.replicas",
      statusReplicasPath: chance(random, wrong) ? pick(random, ["", ".spec.replicas", "x"]) : ".status.replicas",
      ...(chance(random, 0.5) ? { labelSelectorPath: chance(random, wrong) ? pick(random, [".x", "status", ".metadata.name"]) : ".status.selector" } : {}),
    };
  return made;
}

export function versionOf(making: Making, name: string, root: Schema): Version {
  const { random, wrong } = making;
  const version: Version = { name, served: !chance(random, 0.05), storage: false, schema: { openAPIV3Schema: root } };
  const sub = subresources(making);
  if (sub) version.subresources = sub;
  if (chance(random, 0.6)) version.additionalPrinterColumns = columns(making, root);
  if (chance(random, 0.3)) {
    const fields = selectable(making, root);
    if (fields.length) version.selectableFields = fields;
  }
  if (chance(random, 0.08)) Object.assign(version, { deprecated: true, ...(chance(random, 0.5) ? { deprecationWarning: "do not use it" } : {}) });
  else if (chance(random, wrong / 2)) version.deprecationWarning = "x";
  return version;
}

/** A webhook that converts by what it is asked alone. */
export interface ConversionHook {
  /** Base64 of PEM. */
  caBundle: string;
  urlOf(name: string): string;
}
export function conversionBy({ random, wrong }: Making, { caBundle }: ConversionHook, url: string): object {
  const reviews = pick(random, [["v1"], ["v1"], ["v1", "v1beta1"], ["v1beta1"], ["v1beta1", "v1"], ["v9", "v1"], chance(random, wrong) ? ["v9"] : ["v1"]]);
  return { strategy: "Webhook", webhook: { conversionReviewVersions: reviews, clientConfig: { url, caBundle } } };
}

/** `seed` keeps the groups of runs apart that go on beside each other. */
export function definitionOf(making: Making, n: number, seed: number, hook: ConversionHook): Definition {
  const { random, wrong } = making;
  const group = `g${n}.s${seed}.judge.example.com`;
  const root = rootSchema(making);
  const count = chance(random, 0.5) ? 1 : 2 + random.int(2);
  const names = pick(random, [
    ["v1", "v2", "v1beta1"],
    ["v1alpha1", "v1", "v2beta3"],
    ["v2", "v1", "foo"],
  ]).slice(0, count);
  const versions = names.map((name, i) => versionOf(making, name, i ? changedSchema(making, root) : root));
  (versions[0] as Version).served = true;
  pick(random, versions).storage = true;
  const spec: Spec = { group, scope: chance(random, 0.75) ? "Namespaced" : "Cluster", names: { plural: "things", kind: "Thing" }, versions };
  if (chance(random, 0.3))
    Object.assign(spec.names, { singular: "thing", shortNames: ["th", "thi"].slice(0, 1 + random.int(2)), categories: ["all", "judged"] });
  if (chance(random, 0.1)) spec.names.listKind = "ThingSet";
  if (chance(random, versions.length > 1 ? 0.5 : 0.05)) spec.conversion = conversionBy(making, hook, hook.urlOf(`e${n}`));
  else if (chance(random, 0.2)) spec.conversion = { strategy: "None" };
  if (chance(random, wrong / 3)) spec.preserveUnknownFields = true;
  return { apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition", metadata: { name: `things.${group}`, labels: { judge: `e${n}` } }, spec };
}
