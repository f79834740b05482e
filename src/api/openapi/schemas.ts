/**
 * OpenAPI schemas of the built-in types, in the form of v3 documents. What the field descriptions do not say (zero
 * defaults that are written out, unions, atomic structs) is in facts.json, which tools/schema/openapi.ts makes.
 */
import { readFileSync } from "node:fs";
import { groupVersionKind } from "../discovery.ts";
import { type Field, hasType, kinds, typeByName, typeNames } from "../schema/schema.ts";
import { prose } from "./prose.ts";
import { table } from "../../base/table.ts";

export type Schema = { [key: string]: unknown };

interface Facts {
  /** Schema name -> what its schema has besides type, properties and required (or instead, where `replace` says so). */
  types: Record<string, { replace?: boolean; schema: Schema }>;
  /** Schema name -> property -> its schema where the rules give another one. */
  fields: Record<string, Record<string, Schema>>;
}
const facts = JSON.parse(readFileSync(new URL("./facts.json", import.meta.url), "utf8")) as Facts;

const reference = "#/components/schemas/";
const prefixes: [RegExp, string][] = [
  [/^meta\/v1\./, "io.k8s.apimachinery.pkg.apis.meta.v1."],
  [/^apiextensions\//, "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions/"],
  [/^apiregistration\//, "io.k8s.kube-aggregator.pkg.apis.apiregistration/"],
  [/^runtime\./, "io.k8s.apimachinery.pkg.runtime."],
  [/^/, "io.k8s.api."],
];
const messages = table<string>({
  Time: "io.k8s.apimachinery.pkg.apis.meta.v1.Time",
  MicroTime: "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime",
  Duration: "io.k8s.apimachinery.pkg.apis.meta.v1.Duration",
  FieldsV1: "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1",
  Quantity: "io.k8s.apimachinery.pkg.api.resource.Quantity",
  IntOrString: "io.k8s.apimachinery.pkg.util.intstr.IntOrString",
  RawExtension: "io.k8s.apimachinery.pkg.runtime.RawExtension",
  JSON: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON",
});

/** `core/v1.Pod` -> `io.k8s.api.core.v1.Pod`; the name of a schema is its own. */
export function schemaName(type: string): string {
  if (type.startsWith("io.k8s.")) return type;
  // Of a kind that is not built in.
  if (type.startsWith("#")) return type.slice(1);
  const message = messages[type];
  if (message) return message;
  const [pattern, prefix] = prefixes.find(([p]) => p.test(type)) as [RegExp, string];
  return type.replace(pattern, prefix).replaceAll("/", ".");
}

let bySchema: Map<string, string> | undefined;
/** The way back; a name that is no type's is its own. */
export function typeOfSchema(name: string): string {
  bySchema ??= new Map([...typeNames(), ...Object.keys(messages)].map((type) => [schemaName(type), type]));
  return bySchema.get(name) ?? name;
}

const plain = table<Schema>({
  string: { type: "string" },
  bool: { type: "boolean" },
  int: { format: "int32", type: "integer" },
  int32: { format: "int32", type: "integer" },
  int64: { format: "int64", type: "integer" },
  uint32: { format: "int64", type: "integer" },
  uint64: { format: "int64", type: "integer" },
  float64: { format: "double", type: "number" },
  bytes: { format: "byte", type: "string" },
});
const zeros = table<unknown>({ string: "", bool: false, int: 0, int32: 0, int64: 0, uint32: 0, uint64: 0, float64: 0 });
/** A struct by value that Go's OpenAPI does not know as a struct, so that it has no default. */
const opaque = new Set(["Time", "MicroTime", "Quantity", "IntOrString", "RawExtension", "FieldsV1", "JSON", "Duration"]);

/** A type where it stands in a list, a map or a field; `always` for what Go writes even when it is zero. */
function typeSchema(type: string, always: boolean): Schema {
  if (type.startsWith("*")) return typeSchema(type.slice(1), false);
  if (type.startsWith("[]")) return { items: elementSchema(type.slice(2)), type: "array" };
  if (type.startsWith("map[string]")) return { additionalProperties: elementSchema(type.slice(11)), type: "object" };
  const scalar = plain[type];
  if (scalar) return always && type in zeros ? { ...scalar, default: zeros[type] } : { ...scalar };
  return { allOf: [{ $ref: reference + schemaName(type) }], ...(opaque.has(type) ? {} : { default: {} }) };
}

/** A reference stands alone where nothing (a default, a description) stands beside it. */
function elementSchema(type: string): Schema {
  return opaque.has(type) ? { $ref: reference + schemaName(type) } : typeSchema(type, true);
}

function fieldSchema(field: Field): Schema {
  const pointer = field.type.startsWith("*");
  const schema = typeSchema(field.type, !pointer && !field.omitempty && !field.omitzero);
  if (pointer) delete schema.default;
  if (field.default !== undefined) schema.default = field.default;
  if (field.enum) (schema.type === "array" ? (schema.items as Schema) : schema).enum = field.enum;
  for (const [key, value] of [
    ["x-kubernetes-list-type", field.listType],
    ["x-kubernetes-list-map-keys", field.listMapKeys],
    ["x-kubernetes-map-type", field.mapType],
    ["x-kubernetes-patch-merge-key", field.patchMergeKey],
    ["x-kubernetes-patch-strategy", field.patchStrategy],
  ] as const) {
    if (value !== undefined) schema[key] = value;
  }
  return schema;
}

const kindsOfType = new Map<string, { group: string; version: string; kind: string }[]>();
for (const [gvk, type] of Object.entries(kinds)) kindsOfType.set(type, [...(kindsOfType.get(type) ?? []), groupVersionKind(gvk)]);

const made = new Map<string, Schema>();

/** By the rules alone, for the tool that finds what they miss. */
export function derivedSchema(type: string): Schema {
  if (!hasType(type) && type !== "meta/v1.TypeMeta") return {};
  const def = typeByName(type);
  const properties: Record<string, Schema> = {};
  for (const field of [...def.flat].sort((a, b) => (a.name < b.name ? -1 : 1))) if (field.name) properties[field.name] = fieldSchema(field);
  const required = def.flat.filter((field) => field.required).map((field) => field.name);
  return { type: "object", ...(Object.keys(properties).length ? { properties } : {}), ...(required.length ? { required } : {}) };
}

/** The schema of a type, with every version-independent fact and, where the build has them, descriptions. Shared: not to be changed. */
export function schemaOf(type: string): Schema {
  const known = made.get(type);
  if (known) return known;
  const name = schemaName(type);
  const extra = facts.types[name];
  const schema = extra?.replace ? { ...extra.schema } : { ...derivedSchema(type), ...extra?.schema };
  const fields = facts.fields[name];
  if (fields) schema.properties = { ...(schema.properties as Record<string, Schema>), ...fields };
  describe(name, schema);
  made.set(type, schema);
  return schema;
}

function describe(name: string, schema: Schema): void {
  const words = prose(name);
  if (!words) return;
  if (words.description) schema.description = words.description;
  const properties = schema.properties as Record<string, Schema> | undefined;
  if (!properties) return;
  for (const [field, text] of Object.entries(words.fields))
    if (properties[field]) properties[field] = { ...besideReference(properties[field]), description: text };
}

/** What stands beside a bare reference is ignored by readers (OpenAPI 3.0, Reference Object): it is wrapped as upstream does. */
const besideReference = (schema: Schema): Schema => ("$ref" in schema ? { allOf: [{ $ref: schema.$ref }] } : schema);

/** Group, version and kind under which a type is served, in a document of `group` and `version`. */
export function kindsIn(type: string, served: readonly { group: string; version: string }[]): { group: string; version: string; kind: string }[] {
  const own = kindsOfType.get(type) ?? [];
  const short = type.slice(type.lastIndexOf(".") + 1);
  // Every API registers these two for its own group as well.
  if (type !== "meta/v1.DeleteOptions" && type !== "meta/v1.WatchEvent") return own;
  const groups = new Map([["/v1", { group: "", version: "v1" }], ...served.map((gv) => [`${gv.group}/${gv.version}`, gv] as const)]);
  return [...groups.values()].map(({ group, version }) => ({ group, kind: short, version }));
}

/** Types that a schema refers to, by schema name. */
export function references(value: unknown, into: Set<string>): void {
  if (Array.isArray(value)) for (const item of value) references(item, into);
  else if (typeof value === "object" && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      if (key === "$ref" && typeof item === "string") into.add(item.slice(item.lastIndexOf("/") + 1));
      else references(item, into);
    }
  }
}
