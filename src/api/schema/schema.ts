/**
 * What is known about every built-in type and resource, as data (types.json, resources.json): the one description from
 * which decoding, defaulting, validation of fields, codecs, patches, apply, discovery and OpenAPI derive.
 */
import { readFileSync } from "node:fs";

export interface Field {
  name: string;
  /** `*T`, `[]T`, `map[string]T`, a scalar (string, bool, int32, int64, float64, bytes, Time, MicroTime, Duration, Quantity, IntOrString, RawExtension, FieldsV1, JSON) or a type's name. */
  type: string;
  /** Go's own type where messages name it and `type` does not say it: `v1.RestartPolicy`, `map[v1.ResourceName]resource.Quantity`. */
  go?: string;
  /** Go's name of the field, where it is not this one with a capital. */
  goName?: string;
  /** Protobuf number; absent for what protobuf does not carry. */
  number?: number;
  /** Go embedding: in JSON its fields stand in the parent; in protobuf it is a message where `number` is set. */
  inline?: boolean;
  omitempty?: boolean;
  omitzero?: boolean;
  required?: boolean;
  default?: unknown;
  enum?: string[];
  listType?: "atomic" | "set" | "map";
  listMapKeys?: string[];
  mapType?: "atomic" | "granular";
  patchMergeKey?: string;
  /** `merge`, `replace`, `retainKeys`, `merge,retainKeys`. */
  patchStrategy?: string;
}

export interface TypeDef {
  name: string;
  /** In Go's order, embedded ones as they are. */
  fields: Field[];
  /** In Go's order with the embedded ones expanded, as JSON has them (TypeMeta gives kind and apiVersion first). */
  flat: Field[];
  byName: Map<string, Field>;
}

export interface Subresource {
  name: string;
  /** `group/version/Kind` or `v1/Kind`. */
  kind: string;
  verbs: string[];
}

export interface TableColumn {
  name: string;
  type: string;
  format?: string;
  description?: string;
  priority: number;
}

export interface ResourceDef {
  group: string;
  version: string;
  resource: string;
  kind: string;
  namespaced: boolean;
  singular: string;
  verbs: string[];
  shortNames?: string[];
  categories?: string[];
  subresources?: Subresource[];
  columns?: TableColumn[];
  /** Warned of on each use. */
  deprecation?: string;
  /** Not served unless it is asked for (`--runtime-config`). */
  optional?: true;
  /** The feature without which it is not served even then. */
  gate?: string;
  /** Of a custom resource: the version that is stored, of which clients see a hash. */
  storageVersion?: string;
}

const load = (file: URL): unknown => JSON.parse(readFileSync(file, "utf8"));
const facts = load(new URL("./types.json", import.meta.url)) as { kinds: Record<string, string>; types: Record<string, Field[]> };

/** Every resource that upstream has, those that are not served by default among them, in discovery's order. */
export const allResources = load(new URL("./resources.json", import.meta.url)) as readonly ResourceDef[];

/** Every resource that is served by default, in discovery's order. */
export const resources: readonly ResourceDef[] = allResources.filter(({ optional }) => !optional);

const typeMeta: Field[] = [
  { name: "kind", type: "string", number: 1, omitempty: true },
  { name: "apiVersion", type: "string", number: 2, omitempty: true },
];

/** What upstream's internal types embed; the rest of their fields have no names in JSON but Go's. */
const internal: Field[] = ["meta/v1.TypeMeta", "meta/v1.ObjectMeta"].map((type) => ({ name: "", type, inline: true }));
const internalPrefix = "internal.";

const defs = new Map<string, TypeDef>();

/** Throws for a name that is not in the data: the caller's mistake. */
export function typeByName(name: string): TypeDef {
  const known = defs.get(name);
  if (known) return known;
  const fields = name === "meta/v1.TypeMeta" ? typeMeta : name.startsWith(internalPrefix) ? internal : facts.types[name];
  if (!fields) throw new Error(`no type ${name} in the schema`);
  const flat = fields.flatMap((f) => (f.inline ? typeByName(f.type.replace(/^\*/, "")).flat : [f]));
  const def: TypeDef = { name, fields, flat, byName: new Map(flat.map((f) => [f.name, f])) };
  defs.set(name, def);
  return def;
}

/** A kind as upstream reads it where no version is said: its metadata stands at the top, and its own fields are left out. */
export const internalType = (kind: string): TypeDef => typeByName(internalPrefix + kind);

/** Whether null may be a time that is there and zero. */
export const isOptionalTime = (type: string): boolean => type === "*Time" || type === "*MicroTime";

/** Every type's name. */
export const typeNames = (): string[] => Object.keys(facts.types);

export const hasType = (name: string): boolean => name in facts.types;

/** `apps/v1`, `Deployment` -> its type; undefined for what is not built in. */
export function typeOfKind(apiVersion: string, kind: string): TypeDef | undefined {
  const name = facts.kinds[`${apiVersion}/${kind}`];
  return name === undefined ? undefined : typeByName(name);
}

/** Every `group/version/Kind` (or `v1/Kind`) with the name of its type. */
export const kinds: Readonly<Record<string, string>> = facts.kinds;

const byPath = new Map(allResources.map((r) => [`${r.group}/${r.version}/${r.resource}`, r]));
export function resourceOf(group: string, version: string, resource: string): ResourceDef | undefined {
  return byPath.get(`${group}/${version}/${resource}`);
}

/** `v1` or `apps/v1`. */
export const apiVersionOf = (group: string, version: string): string => (group ? `${group}/${version}` : version);
