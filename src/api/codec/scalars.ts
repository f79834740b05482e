/** The types that JSON carries as one value, and how Go's decoder takes them. */
import type { JSONValue } from "../json.ts";
import { canonicalQuantity, QuantityError } from "../quantity.ts";
import type { TypeDef } from "../schema/schema.ts";
import { canonicalDuration, canonicalMicroTime, canonicalTime, TimeError } from "../time.ts";
import { DecodeError } from "./decode-error.ts";
import { table } from "../../base/table.ts";

/** Thrown without a place by a scalar that got JSON of another kind; the reader that knows the place makes a message of it. */
export class Mismatch extends Error {
  /** What came, as Go names it (`string`, `number 1.5`), and the Go type that was to take it. */
  readonly got: string;
  readonly type: string;
  constructor(got: string, type: string) {
    super(`json: cannot unmarshal ${got} into Go value of type ${type}`);
    this.got = got;
    this.type = type;
  }
}

export function kindOfValue(value: JSONValue | undefined): string {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return "array";
  return typeof value === "bigint" ? "number" : typeof value === "boolean" ? "bool" : typeof value;
}

const mismatch = (value: JSONValue, type: string): never => {
  throw new Mismatch(kindOfValue(value), type);
};

function integer(type: string, low: number, high: number): (value: JSONValue) => JSONValue {
  return (value) => {
    if (typeof value === "number") {
      if (Number.isInteger(value) && value >= low && value <= high) return value;
    } else if (typeof value !== "bigint") return value === null ? 0 : mismatch(value, type);
    throw new Mismatch(`number ${value}`, type);
  };
}

function wide(type: string, low: bigint, high: bigint): (value: JSONValue) => JSONValue {
  return (value) => {
    if (typeof value === "number" && Number.isSafeInteger(value) && (low < 0n || value >= 0)) return value;
    if (typeof value === "bigint" && value >= low && value <= high) return value;
    if (typeof value === "number" || typeof value === "bigint") throw new Mismatch(`number ${value}`, type);
    return value === null ? 0 : mismatch(value, type);
  };
}

const base64 = /^(?:[A-Za-z0-9+/]{4})*$/;

/** Go's base64.StdEncoding: line breaks are skipped, padding is not optional. */
function bytes(value: JSONValue): JSONValue {
  if (typeof value !== "string") return value === null ? null : mismatch(value, "[]uint8");
  if (value.length % 4 === 0 && base64.test(value)) return value;
  const text = value.replaceAll(/[\r\n]+/g, "");
  const wrong = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==$|[A-Za-z0-9+/]{3}=$)?/.exec(text)?.[0].length ?? 0;
  if (wrong < text.length) throw new DecodeError(`illegal base64 data at input byte ${corruptAt(value, text, wrong)}`);
  return Buffer.from(text, "base64").toString("base64");
}

const isBreak = (code: number): boolean => code === 0x0a || code === 0x0d;

/** Where Go's decoder says that the input is corrupt: the first character that cannot stand there, or the start of what is cut off. */
function corruptAt(value: string, text: string, from: number): number {
  /** Where the character of `text` stands in `value`. */
  const place = (i: number): number => {
    let at = 0;
    for (let seen = 0; at < value.length; at++) if (!isBreak(value.charCodeAt(at)) && seen++ === i) break;
    return at;
  };
  for (let i = from; i < text.length; i++) {
    if (/[A-Za-z0-9+/]/.test(text[i] as string)) continue;
    if (text[i] !== "=" || i - from < 2) return place(i);
    const next = place(i + 1);
    if (i - from === 3) return next;
    if (next === value.length) return value.length;
    return text[i + 1] === "=" ? place(i + 2) : next - 1;
  }
  // As many bytes before the end as characters are left over, line breaks among them or not.
  return value.length - (text.length - from);
}

function textual(parse: (text: string) => string | null): (value: JSONValue) => JSONValue {
  return (value) => {
    if (typeof value === "string") return parse(value);
    return value === null ? null : mismatch(value, "string");
  };
}

const int32 = integer("int32", -(2 ** 31), 2 ** 31 - 1);

/**
 * null gives what Go's zero value is written as. Throw Mismatch, DecodeError, QuantityError or TimeError; `wordsOf` makes
 * the message of the latter three.
 */
export const scalars = table<(value: JSONValue) => JSONValue>({
  string: (value) => (typeof value === "string" ? value : value === null ? "" : mismatch(value, "string")),
  bool: (value) => (typeof value === "boolean" ? value : value === null ? false : mismatch(value, "bool")),
  int32,
  int: wide("int", -(2n ** 63n), 2n ** 63n - 1n),
  int64: wide("int64", -(2n ** 63n), 2n ** 63n - 1n),
  uint8: integer("uint8", 0, 255),
  uint32: integer("uint32", 0, 2 ** 32 - 1),
  uint64: wide("uint64", 0n, 2n ** 64n - 1n),
  float64: (value) => (typeof value === "number" ? value : typeof value === "bigint" ? Number(value) : value === null ? 0 : mismatch(value, "float64")),
  bytes,
  Time: textual(canonicalTime),
  MicroTime: textual(canonicalMicroTime),
  Duration: (value) => (typeof value === "string" ? canonicalDuration(value) : value === null ? "0s" : mismatch(value, "string")),
  Quantity: (value) => {
    if (typeof value === "string" || typeof value === "number" || typeof value === "bigint") return canonicalQuantity(value);
    return value === null ? "0" : canonicalQuantity("{");
  },
  IntOrString: (value) => (typeof value === "string" ? value : int32(value)),
  RawExtension: (value) => value,
  FieldsV1: (value) => value,
  JSON: (value) => value,
});

/** The scalars whose own UnmarshalJSON ends the decoding when it fails; the others are noted and decoding goes on. */
export const isUnmarshaler = (type: string): boolean => !/^(string|bool|u?int\d*|float64|bytes)$/.test(type);

/** Message of an error that a scalar threw and that has no place in it; rethrows what is none of ours. */
export function wordsOf(error: unknown): string {
  if (error instanceof DecodeError || error instanceof QuantityError || error instanceof TimeError || error instanceof Mismatch) return error.message;
  throw error;
}

/** The types of CustomResourceDefinition's schema that are either a schema or something simpler. */
export const unions: ReadonlySet<string> = new Set([
  "apiextensions/v1.JSONSchemaPropsOrBool",
  "apiextensions/v1.JSONSchemaPropsOrArray",
  "apiextensions/v1.JSONSchemaPropsOrStringArray",
]);
export const unionSchema = "apiextensions/v1.JSONSchemaProps";

/** The name without its package: `PodSpec`. */
export const shortName = (type: string): string => type.slice(type.lastIndexOf(".") + 1);

/** As Go's reflection prints a type: `v1.PodSpec`, `[]v1.Container`, `map[string]string`. */
export function goTypeName(type: string): string {
  if (type.startsWith("*") || type.startsWith("[]")) {
    const cut = type.startsWith("*") ? 1 : 2;
    return type.slice(0, cut) + goTypeName(type.slice(cut));
  }
  if (type.startsWith("map[string]")) return `map[string]${goTypeName(type.slice(11))}`;
  if (type === "bytes") return "[]uint8";
  const known = { Quantity: "resource.Quantity", IntOrString: "intstr.IntOrString", RawExtension: "runtime.RawExtension" }[type];
  if (known) return known;
  if (/^(Time|MicroTime|Duration|FieldsV1|JSON)$/.test(type)) return `v1.${type}`;
  return type.slice(type.lastIndexOf("/") + 1);
}

/** Go's names of the embedded structs that lead to each field, as messages show them. */
export function embeddings(type: TypeDef, typeByName: (name: string) => TypeDef): Map<string, string[]> {
  const paths = new Map<string, string[]>();
  for (const field of type.fields) {
    if (!field.inline) continue;
    const name = field.type.replace(/^\*/, "");
    const inner = typeByName(name);
    const deeper = embeddings(inner, typeByName);
    for (const { name: leaf } of inner.flat) paths.set(leaf, [shortName(name), ...(deeper.get(leaf) ?? [])]);
  }
  return paths;
}
