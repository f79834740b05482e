/**
 * Why a JSON value does not convert to a type where upstream converts by reflection instead of decoding text: strategic merge
 * patches (k8s.io/apimachinery/pkg/runtime/converter.go). It fits more than decoding does (1.0 is an integer), and its words
 * are others.
 */
import type { JSONObject, JSONValue } from "../json.ts";
import { typeByName } from "../schema/schema.ts";
import { scalars, unions, wordsOf } from "./scalars.ts";

/** Go's kind of a value that was decoded without a type. */
function goKind(value: JSONValue): string {
  if (Array.isArray(value)) return "slice";
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "object") return "map";
  return typeof value === "bigint" || Number.isInteger(value) ? "int64" : "float64";
}

const simple = /^(string|bool|u?int\d*|float64)$/;

/** The first misfit in the order of the type's fields; undefined where the value fits. `go` is the Go type where `type` does not say it. */
export function unstructuredMismatch(type: string, value: JSONValue | undefined, go?: string): string | undefined {
  if (value === null || value === undefined) return undefined;
  if (type.startsWith("*")) return unstructuredMismatch(type.slice(1), value, go?.replace(/^\*/, ""));
  if (simple.test(type)) return simpleMismatch(type, value, go);
  const kind = goKind(value);
  if (type === "bytes") {
    if (kind !== "string") return kind === "slice" ? undefined : `cannot restore slice from ${kind}`;
    const words = scalarWords(type, value);
    return words && `error decoding from json: ${words}`;
  }
  if (type === "RawExtension" || type === "FieldsV1" || type === "JSON" || unions.has(type)) return undefined;
  if (scalars[type]) return scalarWords(type, value);
  if (type.startsWith("[]")) {
    if (!Array.isArray(value)) return `cannot restore slice from ${kind}`;
    const element = go?.startsWith("[]") ? go.slice(2) : undefined;
    return first(value, (item) => unstructuredMismatch(type.slice(2), item, element));
  }
  if (kind !== "map") return type.startsWith("map[") ? `cannot restore map from ${kind}` : `cannot restore struct from: ${kind}`;
  const object = value as JSONObject;
  if (type.startsWith("map[string]")) {
    const element = go?.startsWith("map[") ? go.slice(go.indexOf("]") + 1) : undefined;
    return first(Object.values(object), (item) => unstructuredMismatch(type.slice(11), item, element));
  }
  return first(typeByName(type).flat, (field) => unstructuredMismatch(field.type, object[field.name], field.go));
}

function first<T>(items: readonly T[], of: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = of(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

function simpleMismatch(type: string, value: JSONValue, go: string | undefined): string | undefined {
  const from = goKind(value);
  const number = type !== "string" && type !== "bool";
  if (from === type || (from === "int64" && number) || (from === "float64" && type === "float64")) return undefined;
  // What Go converts, though to nothing sensible, is refused by name; the rest has no conversion at all.
  const converts = (from === "int64" && type === "string") || (from === "float64" && number);
  return converts ? `cannot convert ${from} to ${go?.replace(/^\*/, "") ?? type}` : `unrecognized type: ${type}`;
}

function scalarWords(type: string, value: JSONValue): string | undefined {
  try {
    scalars[type]?.(value);
    return undefined;
  } catch (error) {
    return wordsOf(error);
  }
}
