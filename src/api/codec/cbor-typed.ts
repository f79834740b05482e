/** What decoding CBOR into types adds to decoding it at all: which kind it is of, which fields are unknown, and the words for both. */
import { isMap, type JSONValue } from "../json.ts";
import { typeByName } from "../schema/schema.ts";
import { DecodeError } from "./decode-error.ts";
import { scalars, unions } from "./scalars.ts";

/** As fxamacker/cbor names what it decoded. */
function kindOf(value: JSONValue): string {
  if (typeof value === "string") return "byte string";
  if (typeof value === "bigint" || Number.isInteger(value)) return (value as number) < 0 ? "negative integer" : "positive integer";
  return Array.isArray(value) ? "array" : isMap(value) ? "map" : "primitives";
}

/** Begins what is said of a text that cannot be read, or that says nothing sensible of its kind. */
export const unidentified = "unable to determine group/version/kind: ";

/** What the text says it is; "" where it says nothing. Throws DecodeError as upstream words it. */
export function cborIdentity(value: JSONValue): { apiVersion: string; kind: string } {
  const refuse = (what: JSONValue, into: string): never => {
    throw new DecodeError(`${unidentified}cbor: cannot unmarshal ${kindOf(what)} into Go ${into}`);
  };
  if (value === null) return { apiVersion: "", kind: "" };
  if (!isMap(value)) return refuse(value, "value of type v1.TypeMeta");
  const text = (name: string): string => {
    const given = Object.hasOwn(value, name) ? (value[name] ?? "") : "";
    return typeof given === "string" ? given : refuse(given, `struct field v1.TypeMeta.${name} of type string`);
  };
  return { apiVersion: text("apiVersion"), kind: text("kind") };
}

/** Misfits are found by the reader of JSON: its words but for who says them. */
export function inCBORWords<T>(decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (error instanceof DecodeError && error.message.startsWith("json: ")) throw new DecodeError(`cbor${error.message.slice(4)}`, error.syntax);
    throw error;
  }
}

const numbered = /^\d+$/;

/** The place of the first unknown field in the map that holds it, which is all that upstream says of it. */
export function unknownElement(type: string, value: JSONValue | undefined, root = true): number | undefined {
  if (type.startsWith("*")) return unknownElement(type.slice(1), value, root);
  if (typeof value !== "object" || value === null || scalars[type] || unions.has(type) || type === "RawExtension" || type === "FieldsV1" || type === "JSON")
    return undefined;
  const element = type.startsWith("[]") ? type.slice(2) : type.startsWith("map[string]") ? type.slice(11) : undefined;
  if (element !== undefined) {
    for (const item of Object.values(value)) {
      const found = unknownElement(element, item as JSONValue, false);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  if (Array.isArray(value)) return undefined;
  const { byName } = typeByName(type);
  const keys = Object.keys(value);
  for (const [index, key] of keys.entries()) {
    const field = byName.get(key);
    // Keys that are numbers have lost their place; no field has such a name.
    if (!field && !(root && (key === "kind" || key === "apiVersion"))) return numbered.test(key) ? 0 : index;
    const found = field && unknownElement(field.type, value[key], false);
    if (found !== undefined) return found;
  }
  return undefined;
}
