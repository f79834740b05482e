/**
 * Why a JSON value does not convert to a type where upstream converts by reflection instead of decoding text: strategic merge
 * patches and applied documents (k8s.io/apimachinery/pkg/runtime/converter.go). It fits more than decoding does (1.0 is an
 * integer, integers that are too large lose their high bits), and its words are others.
 */
import type { JSONObject, JSONValue } from "../json.ts";
import { type TypeDef, typeByName } from "../schema/schema.ts";
import { sortKeys } from "./json.ts";
import { DecodeError } from "./decode-error.ts";
import { contextOf, type Normalized, normalize, tryNormalize } from "./normalize.ts";
import { isGoInteger, set } from "../patch/values.ts";
import { isWholeFloat, wholeFloat } from "../patch/whole-floats.ts";
import { scalars, unions, wordsOf } from "./scalars.ts";
import { nodeOf, readTyped } from "./typed-reader.ts";

/** The first misfit of a value that withWholeFloats gave. */
export const mismatchOfFloats = (type: string, value: JSONValue): string | undefined => firstMismatch(type, value);

/** Go's kind of a value that was decoded without a type. */
function goKind(value: JSONValue): string {
  if (Array.isArray(value)) return "slice";
  if (typeof value === "string") return isWholeFloat(value) ? "float64" : "string";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "object") return "map";
  return typeof value === "bigint" || isGoInteger(value) ? "int64" : "float64";
}

const simple = /^(string|bool|u?int\d*|float64)$/;

/** The first misfit in the order of the type's fields; undefined where the value fits. */
export function unstructuredMismatch(type: string, value: JSONValue | undefined): string | undefined {
  return fitsOf(type)(value) ? undefined : firstMismatch(type, value);
}

type Fits = (value: JSONValue | undefined) => boolean;
const compiled = new Map<string, Fits>();

/** Whether there is a misfit at all, which takes a look at what is there and none at what is not. */
function fitsOf(type: string): Fits {
  let fits = compiled.get(type);
  if (!fits) {
    const present = compileFits(type);
    fits = (value) => value === null || value === undefined || present(value);
    compiled.set(type, fits);
  }
  return fits;
}

function compileFits(type: string): (value: JSONValue) => boolean {
  if (type.startsWith("*")) return fitsOf(type.slice(1));
  if (type === "string") return (value) => typeof value === "string";
  if (type === "bool") return (value) => typeof value === "boolean";
  if (simple.test(type) || type === "bytes" || scalars[type]) return (value) => firstMismatch(type, value) === undefined;
  if (untyped(type)) return () => true;
  if (type.startsWith("[]")) {
    const element = fitsOf(type.slice(2));
    return (value) => Array.isArray(value) && value.every(element);
  }
  const isMap = (value: JSONValue): value is JSONObject => typeof value === "object" && !Array.isArray(value);
  if (type.startsWith("map[string]")) {
    const element = fitsOf(type.slice(11));
    return (value) => {
      if (!isMap(value)) return false;
      for (const key in value) if (!element(value[key])) return false;
      return true;
    };
  }
  const { byName } = typeByName(type);
  // Types may contain themselves, so that a field's own is compiled when it is met.
  return (value) => {
    if (!isMap(value)) return false;
    for (const key in value) {
      const field = byName.get(key);
      if (field && !fitsOf(field.type)(value[key])) return false;
    }
    return true;
  };
}

const untyped = (type: string): boolean => type === "RawExtension" || type === "FieldsV1" || type === "JSON" || unions.has(type);

/** `go` is the Go type where `type` does not say it. */
function firstMismatch(type: string, value: JSONValue | undefined, go?: string): string | undefined {
  if (value === null || value === undefined) return undefined;
  if (type.startsWith("*")) return firstMismatch(type.slice(1), value, go?.replace(/^\*/, ""));
  if (simple.test(type)) return simpleMismatch(type, value, go);
  const kind = goKind(value);
  if (type === "bytes") {
    if (Array.isArray(value)) return first(value, (item) => simpleMismatch("uint8", item, undefined));
    if (kind !== "string") return `cannot restore slice from ${kind}`;
    const words = scalarWords(type, value);
    return words && `error decoding from json: ${words}`;
  }
  if (untyped(type)) return undefined;
  if (scalars[type]) return scalarWords(type, isWholeFloat(value) ? wholeFloat(value) : value);
  if (type.startsWith("[]")) {
    if (!Array.isArray(value)) return `cannot restore slice from ${kind}`;
    const element = go?.startsWith("[]") ? go.slice(2) : undefined;
    return first(value, (item) => firstMismatch(type.slice(2), item, element));
  }
  if (kind !== "map") return type.startsWith("map[") ? `cannot restore map from ${kind}` : `cannot restore struct from: ${kind}`;
  const object = value as JSONObject;
  if (type.startsWith("map[string]")) {
    const element = go?.startsWith("map[") ? go.slice(go.indexOf("]") + 1) : undefined;
    return first(Object.values(object), (item) => firstMismatch(type.slice(11), item, element));
  }
  return first(typeByName(type).flat, (field) => firstMismatch(field.type, object[field.name], field.go));
}

const holdsRaw = (type: TypeDef): boolean => type.flat.some((field) => field.type === "RawExtension");

/**
 * What convertUnstructured gives for a value that even decoding takes as it is, which fits all the more; undefined for what is to be
 * looked at more closely.
 */
export function convertPlain(type: TypeDef, value: JSONValue): JSONObject | undefined {
  if (holdsRaw(type)) return undefined;
  const context = contextOf("kept");
  const object = tryNormalize(type, value, context);
  return context.unknown ? undefined : object;
}

/** The object that such a conversion gives; empty lists and maps are kept. Throws DecodeError for what does not fit even so. */
export function convertUnstructured(type: TypeDef, value: JSONValue): Normalized {
  // Free-form parts are written anew, their keys sorted.
  const given = holdsRaw(type) ? sortKeys(value) : value;
  const converted = (fitting: JSONValue): Normalized => {
    const made = normalize(type, fitting, "kept");
    return made.unknown.length ? { ...made, unknown: readTyped(type, nodeOf(fitting), false).strict } : made;
  };
  try {
    return converted(given);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
  const cut = withCutIntegers(type.name, given);
  try {
    return converted(cut);
  } catch (error) {
    // What reads itself is told without where it is.
    if (error instanceof DecodeError) readTyped(type, nodeOf(cut), false);
    throw error;
  }
}

/**
 * Of an object that was made of `current`, which fits and is as a conversion leaves it: what is not shared with it. `whole` puts
 * what is shared back into what became of the rest.
 */
export function changedPart(type: TypeDef, value: JSONObject, current: JSONObject): { changed: JSONObject; whole(converted: JSONObject): JSONObject } {
  const shared = new Set<string>();
  // Free-form parts are written anew.
  if (!holdsRaw(type))
    for (const { name } of type.flat) {
      const there = value[name];
      if (typeof there === "object" && there !== null && there === current[name]) shared.add(name);
    }
  if (shared.size === 0) return { changed: value, whole: (converted) => converted };
  const changed: JSONObject = {};
  for (const key in value) if (!shared.has(key)) set(changed, key, value[key]);
  return {
    changed,
    whole(converted) {
      const out: JSONObject = {};
      for (const { name } of type.flat) {
        const made = shared.has(name) ? value[name] : converted[name];
        if (made !== undefined) out[name] = made;
      }
      return out;
    },
  };
}

const integers = /^(u?)int(8|32|64)?$/;

/** The value with integers that their fields do not hold cut to the low bits, as Go's conversion by reflection does. */
function withCutIntegers(type: string, value: JSONValue): JSONValue {
  if (value === null) return value;
  if (type.startsWith("*")) return withCutIntegers(type.slice(1), value);
  if (Array.isArray(value)) return type.startsWith("[]") ? value.map((item) => withCutIntegers(type.slice(2), item)) : value;
  if (typeof value === "object") {
    const map = type.startsWith("map[string]");
    if (!map && (scalars[type] || unions.has(type) || type.startsWith("[]"))) return value;
    const fields = map ? undefined : typeByName(type).byName;
    const out: JSONObject = {};
    for (const key of Object.keys(value)) {
      const inner = fields ? fields.get(key)?.type : type.slice(11);
      set(out, key, inner === undefined ? value[key] : withCutIntegers(inner, value[key] as JSONValue));
    }
    return out;
  }
  const integer = integers.exec(type);
  if (!integer || !(typeof value === "bigint" || Number.isInteger(value))) return value;
  // Go's processors make the least of what int64 does not hold.
  const whole = typeof value === "bigint" || isGoInteger(value as number) ? BigInt(value) : -(2n ** 63n);
  const cut = (integer[1] ? BigInt.asUintN : BigInt.asIntN)(Number(integer[2] ?? 64), whole);
  return Number.isSafeInteger(Number(cut)) ? Number(cut) : cut;
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
  const whole = isWholeFloat(value) || Number.isInteger(value);
  if (from === type || (number && (from === "int64" || whole))) return undefined;
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
