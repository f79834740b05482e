/** Random definitions, changes of them, and mistakes in them. */
import type { Random } from "../../src/base/random.ts";
import { badPatterns } from "./definitions-strings.ts";
import { decorated, type Making, objectSchema, propertiesOf, type Schema, schemaOf } from "./definitions-schema.ts";
import { oddValue } from "./definitions-values.ts";
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

function columns({ random, wrong }: Making, root: Schema): object[] {
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
      name: chance(random, wrong / 2) ? "" : `C${i}`,
      type: chance(random, wrong / 2) ? pick(random, ["", "object", "array"]) : own,
      jsonPath: path,
      ...(chance(random, 0.15) ? { format: pick(random, ["int32", "date-time", "password", chance(random, wrong) ? "strange" : "byte"]) } : {}),
      ...(chance(random, 0.2) ? { description: "D" } : {}),
      ...(chance(random, 0.2) ? { priority: pick(random, [0, 1, chance(random, wrong) ? -1 : 5]) } : {}),
    };
  });
}

function selectable({ random, wrong }: Making, root: Schema): object[] {
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

function subresources({ random, wrong }: Making): object | undefined {
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

function versionOf(making: Making, name: string, root: Schema): Version {
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

/** The same data in another version: the schema changed here and there. */
export function changedSchema(making: Making, root: Schema): Schema {
  const copy = structuredClone(root);
  const properties = propertiesOf(copy);
  const { spec } = properties;
  if (spec?.type === "object" && spec.properties) {
    const own = spec.properties as Record<string, Schema>;
    const names = Object.keys(own);
    if (names.length && chance(making.random, 0.6)) own[pick(making.random, names)] = schemaOf(making, 2);
    if (chance(making.random, 0.5)) own[pick(making.random, ["a", "b", "name", "extra"])] = schemaOf(making, 1);
    if (names.length > 1 && chance(making.random, 0.4)) delete own[pick(making.random, names)];
    if (chance(making.random, 0.3)) delete spec.required;
    else if (chance(making.random, 0.2)) spec.required = [pick(making.random, names)];
  } else properties.spec = objectSchema(making, 2);
  return copy;
}

/** `seed` keeps the groups of runs apart that go on beside each other. */
export function definitionOf(making: Making, n: number, seed: number): Definition {
  const { random, wrong } = making;
  const group = `g${n}.s${seed}.judge.example.com`;
  const root = rootSchema(making);
  const count = chance(random, 0.65) ? 1 : 2 + random.int(2);
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
  if (chance(random, 0.2)) spec.conversion = { strategy: "None" };
  if (chance(random, wrong / 3)) spec.preserveUnknownFields = true;
  return { apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition", metadata: { name: `things.${group}`, labels: { judge: `e${n}` } }, spec };
}

/** Keywords with a value that may be wrong where it is put. */
const keywords: readonly (readonly [string, readonly unknown[]])[] = [
  ["type", ["string", "object", "array", "integer", "null", "strange", "", "boolean", "number"]],
  ["format", ["int32", "strange", "date", ""]],
  ["nullable", [true, false, "x"]],
  ["default", [null, 5, "x", {}, [], [1], { unknown: 1 }, true]],
  ["enum", [[], [1, "a", null], [{}], "x", ["a", "a"]]],
  ["pattern", [...badPatterns, "", 5]],
  ["minimum", [5, -1, 0.5, "x"]],
  ["maximum", [5, -1, 1e30]],
  ["exclusiveMinimum", [true, 5]],
  ["multipleOf", [0, -1, 2]],
  ["minLength", [-1, 5, 1.5]],
  ["maxLength", [-1, 0, 5, 1e18]],
  ["minItems", [5]],
  ["maxItems", [0, -1, 1e18]],
  ["maxProperties", [0, 1]],
  ["uniqueItems", [true, false]],
  ["required", [["a"], ["zz", "zz"], "x", []]],
  ["properties", [{ a: { type: "string" } }, {}, { a: {} }, { metadata: { type: "object" } }, null]],
  ["additionalProperties", [true, false, { type: "string" }, {}]],
  ["patternProperties", [{ a: { type: "string" } }, {}]],
  ["additionalItems", [true, { type: "string" }, false]],
  ["items", [{ type: "string" }, [{ type: "string" }], {}, [], { type: "object", nullable: true }]],
  ["$ref", ["#/x", ""]],
  ["$schema", ["http://x", ""]],
  ["id", ["x", ""]],
  ["definitions", [{ a: { type: "string" } }, {}]],
  ["dependencies", [{ a: ["b"] }, { a: { type: "string" } }, {}]],
  ["not", [{}, { type: "string" }, { required: ["a"] }, { properties: { zz: {} } }]],
  ["allOf", [[], [{}], [{ type: "string" }], [{ default: 1 }], [{ properties: { a: { minLength: 1 } } }], [{ items: { minimum: 1 } }]]],
  [
    "anyOf",
    [
      [{ type: "integer" }, { type: "string" }],
      [{ nullable: true }],
      [{ "x-kubernetes-validations": [{ rule: "true" }] }],
      [{ not: { anyOf: [{ title: "x" }] } }],
    ],
  ],
  ["oneOf", [[{ required: ["a"] }, { required: ["b"] }], [{ additionalProperties: false }], [{ "x-kubernetes-list-type": "set" }]]],
  ["x-kubernetes-preserve-unknown-fields", [true, false]],
  ["x-kubernetes-embedded-resource", [true, false]],
  ["x-kubernetes-int-or-string", [true, false]],
  ["x-kubernetes-list-type", ["set", "map", "atomic", "strange", ""]],
  ["x-kubernetes-list-map-keys", [["a"], ["name", "name"], [], ["zz"]]],
  ["x-kubernetes-map-type", ["atomic", "granular", "strange"]],
  [
    "x-kubernetes-validations",
    [
      [],
      [{ rule: "self" }],
      [{ rule: "self == oldSelf" }],
      [{ rule: "true", fieldPath: ".a" }],
      [{ rule: "self.all(x, self.all(y, x == y))" }],
      [{ rule: "true" }, { rule: "true" }],
      [{}],
    ],
  ],
  ["title", ["t"]],
  ["example", [1]],
  ["unknownKeyword", [1]],
];

function* schemas(value: unknown, isSchema: boolean): Generator<Schema> {
  if (typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) {
    for (const item of value) yield* schemas(item, isSchema);
    return;
  }
  const map = value as Schema;
  if (isSchema) yield map;
  for (const [key, inner] of Object.entries(map)) {
    if (key === "openAPIV3Schema" || ["items", "additionalProperties", "not", "allOf", "anyOf", "oneOf"].includes(key)) yield* schemas(inner, true);
    else if (key === "properties") for (const property of Object.values((inner ?? {}) as object)) yield* schemas(property, true);
    else if (!isSchema) yield* schemas(inner, false);
  }
}

/** Any place in the document. */
function somewhere(random: Random, value: unknown): [Record<string, unknown> | unknown[], string | number] | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const keys = Array.isArray(value) ? [...value.keys()] : Object.keys(value);
  if (!keys.length) return undefined;
  const key = pick<string | number>(random, keys);
  const inner = (value as Record<string | number, unknown>)[key];
  return (chance(random, 0.75) ? somewhere(random, inner) : undefined) ?? [value as Record<string, unknown>, key];
}

const names: readonly [string, readonly unknown[]][] = [
  ["plural", ["Things", "", "a b", "x".repeat(64), "others"]],
  ["kind", ["thing", "", "A B", "Thing", "x".repeat(70)]],
  ["singular", ["Thing", "", "a.b"]],
  ["shortNames", [["A"], ["th", "th"], [""], ["things"]]],
  ["listKind", ["Thing", "", "thing_list"]],
  ["categories", [["A B"], ["all", "all"], [""]]],
];

/** Changes a definition in a way that is likely not allowed. */
export function mistaken(random: Random, definition: Definition): Definition {
  const made = structuredClone(definition);
  const { spec } = made;
  for (let i = chance(random, 0.75) ? 1 : 2; i > 0; i--) {
    // The first mistake may have left nothing to make another in.
    if (!Array.isArray(spec.versions) || !spec.versions.every((one) => one && typeof one === "object") || !spec.versions.length) break;
    if (!spec.names || typeof spec.names !== "object") break;
    const version = pick(random, spec.versions);
    const roll = random.next();
    if (roll < 0.5) {
      const found = [...schemas(spec.versions, false)];
      const [keyword, values] = pick(random, keywords);
      if (found.length) pick(random, found)[keyword] = structuredClone(pick(random, values));
    } else if (roll < 0.58) {
      const [name, values] = pick(random, names);
      spec.names[name] = pick(random, values);
    } else if (roll < 0.66) {
      const changes: (() => unknown)[] = [
        () => (version.storage = !version.storage),
        () => (version.name = pick(random, ["V1", "", "v1", "a.b", "x".repeat(64)])),
        () => (version.schema = pick(random, [undefined, null, {}, { openAPIV3Schema: null }])),
        () => (version.served = false),
        () => spec.versions.push({ ...structuredClone(version) }),
        () => spec.versions.splice(0, 1),
        () => (version.deprecationWarning = "x".repeat(300)),
        () => (version.subresources = { scale: pick(random, [{}, { specReplicasPath: ".spec.x", statusReplicasPath: ".status" }, null]) }),
        () => (version.selectableFields = Array.from({ length: 10 }, (_, k) => ({ jsonPath: `.spec.${"abcdefghij"[k]}` }))),
        () => (version.additionalPrinterColumns = [{ name: "x", type: "string" }]),
      ];
      pick(random, changes)();
    } else if (roll < 0.72) spec.group = pick(random, ["", "nodots", "a..b", "A.b", `${spec.group}.k8s.io`, "x.k8s.io"]);
    else if (roll < 0.76) spec.scope = pick(random, ["", "namespaced", "Cluster", "Namespaced"]);
    else if (roll < 0.8) spec.preserveUnknownFields = pick(random, [true, false]);
    else if (roll < 0.86)
      spec.conversion = pick<unknown>(random, [
        {},
        { strategy: "Webhook" },
        { strategy: "Other" },
        { strategy: "None", webhook: { conversionReviewVersions: ["v1"] } },
        { strategy: "Webhook", webhook: { conversionReviewVersions: [], clientConfig: { url: "https://x" } } },
        { strategy: "Webhook", webhook: { conversionReviewVersions: ["v1"], clientConfig: {} } },
        { strategy: "Webhook", webhook: { conversionReviewVersions: ["v9"], clientConfig: { url: "http://x", service: { name: "n", namespace: "m" } } } },
        {
          strategy: "Webhook",
          webhook: {
            conversionReviewVersions: ["v1", "v1"],
            clientConfig: { service: { name: "n", namespace: "m", port: 70000, path: "x" }, caBundle: "eA==" },
          },
        },
        null,
      ]);
    else if (roll < 0.9) made.metadata.annotations = { "api-approved.kubernetes.io": pick(random, ["", "nope", "https://x/y", "unapproved, z"]) };
    else if (roll < 0.92) made.metadata.name = pick(random, ["x", "", "things.other", "UPPER"]);
    else {
      const found = somewhere(random, spec);
      if (found) {
        const [container, key] = found;
        const map = container as Record<string | number, unknown>;
        if (chance(random, 0.35) && !Array.isArray(container)) delete map[key];
        else map[key] = oddValue(random);
      }
    }
  }
  return made;
}

/** A change that a definition may be given while it has objects. */
export function changed(making: Making, definition: Definition): Definition {
  const { random } = making;
  const made = structuredClone(definition);
  const { spec } = made;
  const version = pick(random, spec.versions);
  const root = rootOf(version);
  const roll = random.next();
  if (roll < 0.45) version.schema = { openAPIV3Schema: changedSchema(making, root) };
  else if (roll < 0.55) version.additionalPrinterColumns = columns(making, root);
  else if (roll < 0.62) version.subresources = subresources(making);
  else if (roll < 0.7 && spec.versions.length < 4)
    spec.versions.push({ ...versionOf(making, pick(random, ["v3", "v4alpha1"]), changedSchema(making, root)), served: true });
  else if (roll < 0.78) {
    for (const one of spec.versions) one.storage = false;
    pick(random, spec.versions).storage = true;
  } else if (roll < 0.84 && spec.versions.length > 1) spec.versions.splice(random.int(spec.versions.length), 1);
  else if (roll < 0.9) spec.names.shortNames = ["sh"];
  else if (roll < 0.93) spec.scope = spec.scope === "Cluster" ? "Namespaced" : "Cluster";
  else if (roll < 0.96) spec.names.kind = pick(random, ["Thing", "Other"]);
  else version.selectableFields = selectable(making, root);
  for (const one of spec.versions) for (const key of ["subresources", "selectableFields"]) if (one[key] === undefined) delete one[key];
  return made;
}
