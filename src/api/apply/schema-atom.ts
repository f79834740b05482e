/** Structural schemas of custom resources as ownership sees them (k8s.io/kube-openapi/pkg/schemaconv/openapi.go). */
import type { JSONObject, JSONValue } from "../json.ts";
import { type Atom, type AtomField, deducedAtom, type ListAtom, type MapAtom, objectAtom, type ScalarAtom } from "./atom.ts";
import { table } from "../../base/table.ts";

const scalars = table<ScalarAtom["type"]>({ string: "string", boolean: "boolean", integer: "numeric", number: "numeric" });
const flag = (schema: JSONObject, name: string): boolean => schema[`x-kubernetes-${name}`] === true;
const atoms = new WeakMap<JSONObject, MapAtom>();

/**
 * The object type for trackUpdate and applyServerSide of a version's `openAPIV3Schema` (JSONSchemaProps as JSON). Made
 * once per schema object. Without a schema, use undefined.
 */
export function schemaAtom(schema: JSONObject): MapAtom {
  const known = atoms.get(schema);
  if (known) return known;
  const { fields, element } = mapOf(schema, flag(schema, "preserve-unknown-fields"), true);
  const atom = objectAtom(fields, element);
  atoms.set(schema, atom);
  return atom;
}

/** `isResource`: it has metadata, be it declared or not. */
function mapOf(schema: JSONObject, inherited: boolean, isResource = false): { fields: AtomField[]; element?: Atom } {
  const preserve = inherited || flag(schema, "preserve-unknown-fields");
  const properties = (schema.properties ?? {}) as { [name: string]: JSONObject };
  const fields = Object.keys(properties).map((name): AtomField => {
    const property = properties[name] as JSONObject;
    return { name, key: `f:${name}`, atom: atomOfSchema(property, preserve), zero: undefined, omits: false, plain: true, default: property.default };
  });
  const additional = schema.additionalProperties as JSONValue | undefined;
  if (additional === undefined) return preserve || (!fields.length && !isResource) ? { fields, element: deducedAtom } : { fields };
  if (typeof additional === "object" && additional !== null) return { fields, element: atomOfSchema(additional as JSONObject, preserve) };
  return additional === true ? { fields, element: deducedAtom } : { fields };
}

function atomOfSchema(schema: JSONObject, inherited: boolean): Atom {
  const preserve = inherited || flag(schema, "preserve-unknown-fields");
  const type = schema.type as string | undefined;
  const scalar = type && scalars[type];
  // Texts of a format may be any scalar.
  if (scalar) return { kind: "scalar", type: scalar === "string" && schema.format && schema.format !== "byte" ? "untyped" : scalar };
  if (type === "array") return listOf(schema, preserve);
  if (type !== "object") return untyped(schema, preserve);
  return objectOf(schema, preserve);
}

/** Of any type: a map or a list of it is what is said of maps and lists. */
function untyped(schema: JSONObject, preserve: boolean): Atom {
  const { properties, additionalProperties, items } = schema;
  if (!properties && !additionalProperties && !items && !flag(schema, "embedded-resource")) return deducedAtom;
  return { kind: "deduced", atomic: false, map: objectOf(schema, preserve), ...(items ? { list: listOf(schema, preserve) } : {}) };
}

function listOf(schema: JSONObject, preserve: boolean): ListAtom {
  const list = schema["x-kubernetes-list-type"];
  const keys = list === "map" ? [...((schema["x-kubernetes-list-map-keys"] ?? []) as string[])].sort() : [];
  return {
    kind: "list",
    atomic: list !== "map" && list !== "set",
    element: schema.items ? atomOfSchema(schema.items as JSONObject, preserve) : deducedAtom,
    keys,
  };
}

function objectOf(schema: JSONObject, preserve: boolean): MapAtom {
  const { fields, element } = mapOf(schema, preserve, flag(schema, "embedded-resource"));
  const atomic = schema["x-kubernetes-map-type"] === "atomic";
  if (flag(schema, "embedded-resource")) {
    const whole = objectAtom(fields, element);
    const metadata = whole.fields.get("metadata") as AtomField;
    return { ...whole, atomic, always: [], fields: new Map(whole.fields).set("metadata", { ...metadata, zero: undefined, plain: true }) };
  }
  return { kind: "map", atomic, fields: new Map(fields.map((f) => [f.name, f])), always: [], ...(element ? { element } : {}) };
}
