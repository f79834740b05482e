/**
 * The schema as ownership sees it: what merges field by field, what is one piece, which keys name a list's elements
 * (sigs.k8s.io/structured-merge-diff's schema). Made once per type.
 */
import type { JSONObject, JSONValue } from "../json.ts";
import { type Field, hasType, isOptionalTime, type TypeDef, typeByName } from "../schema/schema.ts";
import { table, own } from "../../base/table.ts";

export interface ScalarAtom {
  kind: "scalar";
  type: "string" | "boolean" | "numeric" | "untyped";
  /** Compared without what of it is not written. */
  time?: boolean;
  /** A quantity that Go holds by reference, which keeps the text that it was written as. */
  keepsText?: boolean;
}
export interface MapAtom {
  kind: "map";
  atomic: boolean;
  /** Declared fields; none for maps with free keys. */
  fields: Map<string, AtomField>;
  /** Fields that Go writes even when nobody set them. */
  always: AtomField[];
  /** What is not declared; undefined where nothing else may be. */
  element?: Atom;
  /** Keys whose changes are not looked at (reset fields, fields that nobody owns). */
  skip?: ReadonlySet<string>;
}
export interface ListAtom {
  kind: "list";
  atomic: boolean;
  element: Atom;
  /** Sorted; none for sets. */
  keys: readonly string[];
}
/** No schema: maps merge, lists and scalars are one piece; or, when atomic, maps are too. */
export interface DeducedAtom {
  kind: "deduced";
  atomic: boolean;
  /** What is known of it where it is a map, or a list. */
  map?: MapAtom;
  list?: ListAtom;
}
export type Atom = ScalarAtom | MapAtom | ListAtom | DeducedAtom;

export interface AtomField {
  name: string;
  /** `f:name` */
  key: string;
  atom: Atom;
  /** The value that Go writes for a field that is not set; undefined when it writes none. */
  zero: JSONValue | undefined;
  /** Empty values are not written. */
  omits: boolean;
  /** A value is what it is, null included: those of custom resources. */
  plain?: boolean;
  default: unknown;
}

const scalarTypes = table<ScalarAtom["type"]>({
  string: "string",
  bytes: "string",
  Duration: "string",
  bool: "boolean",
  int32: "numeric",
  int64: "numeric",
  float64: "numeric",
});
export const deducedAtom: DeducedAtom = { kind: "deduced", atomic: false };
/** An object of nobody knows what, wherever a template carries metadata. */
export const fieldSetAtom: MapAtom = { kind: "map", atomic: false, fields: new Map(), always: [], element: deducedAtom };
const quantityAtom: ScalarAtom = { kind: "scalar", type: "untyped", keepsText: true };
const timeAtom: ScalarAtom = { kind: "scalar", type: "untyped", time: true };
const untypedAtom: DeducedAtom = { kind: "deduced", atomic: true };

/** Structs that are one piece wherever they stand (+structType=atomic). */
const atomicStructs = new Set(
  Object.entries({
    "admissionregistration/v1": "MatchResources NamedRuleWithOperations ParamKind ParamRef Variable",
    "admissionregistration/v1beta1": "MatchResources NamedRuleWithOperations ParamKind ParamRef Variable",
    "admissionregistration/v1alpha1": "MatchResources NamedRuleWithOperations ParamKind ParamRef Variable",
    "autoscaling/v1": "CrossVersionObjectReference",
    "core/v1":
      "ConfigMapKeySelector EndpointAddress EndpointPort FileKeySelector LocalObjectReference NodeSelector NodeSelectorTerm ObjectFieldSelector ObjectReference ResourceFieldSelector ScopeSelector SecretKeySelector SecretReference TopologySelectorTerm TypedLocalObjectReference",
    "discovery/v1": "EndpointPort",
    "networking/v1": "ServiceBackendPort",
    "rbac/v1": "RoleRef Subject",
    "meta/v1": "LabelSelector OwnerReference",
  }).flatMap(([group, names]) => names.split(" ").map((name) => `${group}.${name}`)),
);

const zeroScalars = table<JSONValue>({
  string: "",
  bool: false,
  bytes: null,
  Quantity: "0",
  IntOrString: 0,
  Duration: "0s",
  Time: null,
  MicroTime: null,
  RawExtension: null,
  JSON: null,
});
/** Go structs, which `omitempty` does not leave out. */
const structScalars = new Set(["Quantity", "IntOrString", "Duration", "Time", "MicroTime", "RawExtension", "JSON"]);

const atoms = new WeakMap<TypeDef, MapAtom>();

export function structAtom(type: TypeDef): MapAtom {
  const known = atoms.get(type);
  if (known) return known;
  const atom: MapAtom = { kind: "map", atomic: atomicStructs.has(type.name), fields: new Map(), always: [] };
  // OpenAPI has nothing to say of what is in one without fields: whatever is said goes when it is read.
  if (!type.flat.length) atom.element = deducedAtom;
  atoms.set(type, atom);
  for (const field of type.flat) {
    const made = atomField(field);
    atom.fields.set(field.name, made);
    if (made.zero !== undefined) atom.always.push(made);
  }
  return atom;
}

function atomField(field: Field): AtomField {
  const { type } = field;
  const pointer = type.startsWith("*");
  const isStruct = !pointer && !type.startsWith("[]") && !type.startsWith("map[") && (hasType(type) || structScalars.has(type));
  const left = field.omitzero === true || (field.omitempty === true && !isStruct);
  return {
    name: field.name,
    key: `f:${field.name}`,
    atom: atomOf(type, field),
    zero: left ? undefined : zeroOf(type),
    omits: left && !pointer,
    // null is a zero time that is there.
    ...(left && isOptionalTime(type) ? { plain: true } : {}),
    default: field.default,
  };
}

function zeroOf(type: string): JSONValue {
  if (/^(\*|\[\]|map\[)/.test(type)) return null;
  if (type in zeroScalars) return zeroScalars[type] as JSONValue;
  return hasType(type) ? emptyMap : 0;
}
const emptyMap: JSONObject = Object.freeze({});

function atomOf(written: string, field: Field): Atom {
  const type = written.replace(/^\*/, "");
  if (type.startsWith("[]")) {
    const associative = field.listType === "map" || field.listType === "set";
    return {
      kind: "list",
      atomic: !associative,
      element: atomOf(type === "[]Quantity" ? "*Quantity" : type.slice(2), { name: "", type: "" }),
      keys: field.listType === "map" ? [...(field.listMapKeys ?? [])].sort() : [],
    };
  }
  if (type.startsWith("map[")) {
    const element = atomOf(type.slice(type.indexOf("]") + 1), { name: "", type: "" });
    return { kind: "map", atomic: field.mapType === "atomic", fields: new Map(), always: [], element };
  }
  if (type === "RawExtension" || type === "JSON" || /\.JSONSchemaPropsOr|\.JSON$/.test(type)) return untypedAtom;
  // It has no type in the schema: maps and lists in its place are only refused when they are read.
  if (type === "IntOrString") return deducedAtom;
  if (type === "FieldsV1") return fieldSetAtom;
  if (type === "Time") return timeAtom;
  if (written === "*Quantity") return quantityAtom;
  if (!hasType(type)) return { kind: "scalar", type: scalarTypes[type] ?? "untyped" };
  const struct = structAtom(typeByName(type));
  if (field.mapType === undefined || (field.mapType === "atomic") === struct.atomic) return struct;
  return { ...struct, atomic: field.mapType === "atomic" };
}

/** What of metadata no manager owns. */
export const neverOwned = ["name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation", "managedFields", "resourceVersion"];
const roots = new WeakMap<TypeDef | MapAtom, Map<string, MapAtom>>();

/** What describes whole objects: a built-in type, a custom resource's schema (schemaAtom), or nothing. */
export type ObjectType = TypeDef | MapAtom | undefined;
const deducedType = {} as TypeDef;

/**
 * The atom of whole objects of a type (undefined: no schema known), in which reset fields (`status`,
 * `metadata.labels`: at most two names) and what no manager owns are passed over.
 */
export function ownedAtom(type: ObjectType, resetFields: readonly string[] = []): MapAtom {
  const cacheKey = type ?? deducedType;
  const variants = roots.get(cacheKey) ?? new Map<string, MapAtom>();
  roots.set(cacheKey, variants);
  const name = resetFields.join();
  const atom = variants.get(name) ?? makeOwnedAtom(type, resetFields);
  variants.set(name, atom);
  return atom;
}

function makeOwnedAtom(type: ObjectType, resetFields: readonly string[]): MapAtom {
  const base = wholeAtom(type);
  const top = resetFields.filter((f) => !f.includes("."));
  const inner = resetFields.filter((f) => f.startsWith("metadata.")).map((f) => f.slice("metadata.".length));
  for (const field of resetFields)
    if (field.includes(".") && !field.startsWith("metadata.") && !top.includes(field.slice(0, field.indexOf("."))))
      return hide(base, field.slice(0, field.indexOf(".")), [field.slice(field.indexOf(".") + 1)], top, inner);
  return hide(base, undefined, [], top, inner);
}

function hide(base: MapAtom, parent: string | undefined, children: string[], top: string[], inMetadata: string[]): MapAtom {
  const fields = new Map(base.fields);
  const replace = (name: string, skip: string[]): void => {
    const field = fields.get(name);
    if (field?.atom.kind === "map") fields.set(name, { ...field, atom: { ...field.atom, skip: new Set(skip) } });
  };
  replace("metadata", [...neverOwned, ...inMetadata]);
  if (parent) replace(parent, children);
  return { ...base, fields, always: base.always.map((f) => fields.get(f.name) as AtomField), skip: new Set(["apiVersion", "kind", ...top]) };
}

/** The atom of whole objects, nothing passed over. */
export function wholeAtom(type: ObjectType): MapAtom {
  if (type) return "kind" in type ? type : structAtom(type);
  return objectAtom([], deducedAtom);
}

/** Objects with the usual metadata and what else is given. */
export function objectAtom(fields: readonly AtomField[], element: Atom | undefined): MapAtom {
  const metadata: AtomField = {
    name: "metadata",
    key: "f:metadata",
    atom: structAtom(typeByName("meta/v1.ObjectMeta")),
    zero: emptyMap,
    omits: false,
    default: undefined,
  };
  const text = (name: string): AtomField => ({
    name,
    key: `f:${name}`,
    atom: { kind: "scalar", type: "string" },
    zero: undefined,
    omits: false,
    default: undefined,
  });
  const all = [text("apiVersion"), text("kind"), ...fields.filter((f) => f.name !== "metadata"), metadata];
  return { kind: "map", atomic: false, fields: new Map(all.map((f) => [f.name, f])), always: [metadata], ...(element ? { element } : {}) };
}

/** The value of a struct's field as Go would write it; undefined when it would not. */
export function fieldValue(field: AtomField, value: JSONValue | undefined): JSONValue | undefined {
  if (field.plain) return value;
  if (value === undefined || (value === null && field.zero !== undefined)) return field.zero;
  if (!field.omits) return value === null ? undefined : value;
  if (value === "" || value === 0 || value === false || value === null) return undefined;
  if (typeof value === "object") {
    if (Array.isArray(value)) return value.length ? value : undefined;
    if (field.atom.kind === "map" && field.atom.element) {
      for (const _ in value) return value;
      return undefined;
    }
  }
  return value;
}

/** As Go's JSON writes a string. */
const quote = (text: string): string => {
  if (/^[\w./: -]*$/.test(text)) return `"${text}"`;
  const quoted = JSON.stringify(text);
  return /[<>&\u2028\u2029]/.test(quoted) ? quoted.replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`) : quoted;
};
const scalarText = (value: JSONValue): string => (typeof value === "string" ? quote(value) : typeof value === "object" ? JSON.stringify(value) : String(value));

/** `k:{...}` or `v:...`; undefined for an element that cannot be named. */
export function elementKey(list: ListAtom, value: JSONValue | undefined): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (!list.keys.length) return typeof value === "object" ? undefined : `v:${scalarText(value)}`;
  if (typeof value !== "object" || Array.isArray(value)) return undefined;
  const fields = list.element.kind === "map" ? list.element.fields : undefined;
  let text = "";
  for (const name of list.keys) {
    const field = fields?.get(name);
    const given = own(value, name);
    const part = (given === undefined && field ? (field.zero ?? field.default) : given) as JSONValue | undefined;
    if (part !== undefined) text += `${text && ","}"${name}":${scalarText(part)}`;
  }
  return text === "" ? undefined : `k:{${text}}`;
}
