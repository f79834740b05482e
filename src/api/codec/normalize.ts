/**
 * What decoding into the Go struct and encoding again makes of a value: the struct's fields in the struct's order, unknown
 * ones dropped, null as unset, zero values kept or dropped as the field's tags say, scalars in canonical form, map keys
 * sorted. Each type is compiled once. The input is not changed; free-form parts (RawExtension, FieldsV1, JSON) are shared
 * with the result.
 */
import { sortFew } from "../../base/sort-few.ts";
import { EmptyMap } from "../copy.ts";
import type { JSONObject, JSONValue } from "../json.ts";
import { exactTime, zeroMicroTime, zeroTime } from "../time.ts";
import { type Field, isOptionalTime, type TypeDef, typeByName } from "../schema/schema.ts";
import { bounded, DecodeError } from "./decode-error.ts";
import { compareBytes, countKeys, put } from "./json.ts";
import { Mismatch, scalars, unionSchema, unions, wordsOf } from "./scalars.ts";
import { nodeOf, readTyped } from "./typed-reader.ts";

export interface Normalized {
  object: JSONObject;
  /** `unknown field "spec.foo"`, each once, at most 100. */
  unknown: string[];
}

/**
 * What becomes of lists and maps with nothing in them. Go tells them from those that are not set:
 * `written`: as JSON has them, gone where the field's tag says omitempty, there where it does not;
 * `kept`: as they came, for what is still to be judged; maps are EmptyMap;
 * `stored`: as they come back from storage, whose protobuf knows no difference: not set.
 */
export type Empties = "written" | "kept" | "stored";

/** Throws DecodeError with upstream's message for the first value that does not fit its type. */
export function normalize(type: TypeDef, value: JSONValue, empties: Empties = "written"): Normalized {
  const context = contextOf(empties);
  const object = tryNormalize(type, value, context);
  if (object && !context.unknown) return { object, unknown: [] };
  const exact = readTyped(type, nodeOf(value));
  return { object: object ?? normalizeKnown(type, exact.value, empties), unknown: exact.strict };
}

export interface Context {
  /** Set when a field was found that no struct has. */
  unknown: boolean;
  /** How many keys the objects have that were read. */
  keys: number;
  /** Set within what was counted as a whole. */
  counted?: boolean;
  empties: Empties;
  /** Set when something was kept that storage does not keep: empty lists and maps, fractions of seconds, zero times. */
  kept: boolean;
  /** Where a time may be absent, null is one that is there and zero. */
  zeroTimes?: boolean;
}

export const contextOf = (empties: Empties): Context => ({ unknown: false, keys: 0, empties, kept: false });

/** undefined when a value does not fit; the exact reader has the words for it. */
export function tryNormalize(type: TypeDef, value: JSONValue, context: Context): JSONObject | undefined {
  try {
    return bounded(() => structOf(type)(value, context)) as JSONObject;
  } catch (error) {
    wordsOf(error);
    return undefined;
  }
}

/** For values that the exact reader has passed. Throws DecodeError where they do not fit all the same. */
export function normalizeKnown(type: TypeDef, value: JSONValue, empties: Empties = "written"): JSONObject {
  const object = tryNormalize(type, value, contextOf(empties));
  if (!object) throw new DecodeError(`json: cannot unmarshal into Go value of type ${type.name}`);
  return object;
}

/** The exact reader makes the message. */
const misfit = new Mismatch("", "");

type Read = (value: JSONValue, context: Context) => JSONValue;

const structs = new Map<TypeDef, Read>();

/** Compiled at first use; types may contain themselves. */
function structOf(type: TypeDef): Read {
  const known = structs.get(type);
  if (known) return known;
  let compiled: Read | undefined;
  structs.set(type, (value, context) => (compiled as Read)(value, context));
  compiled = compileStruct(type);
  structs.set(type, compiled);
  return compiled;
}

function readerOf(type: string): Read {
  if (type.startsWith("*")) {
    const read = readerOf(type.slice(1));
    if (isOptionalTime(type)) return pointedTime(read, type === "*Time" ? zeroTime : zeroMicroTime);
    return (value, context) => (value === null ? null : read(value, context));
  }
  if (type.startsWith("[]")) return listOf(readerOf(type.slice(2)));
  if (type === "map[string]bytes") return mapOf(storedBytes);
  if (type.startsWith("map[string][]")) return mapOf(storedList(readerOf(type.slice(11))));
  if (type.startsWith("map[string]")) return mapOf(readerOf(type.slice(11)));
  if (unions.has(type)) return unionOf(type);
  if (type === "Time") return timeOf;
  const scalar = scalars[type];
  if (scalar) return freeForm.has(type) ? (value, context) => counted(value, context) : scalar;
  let read: Read | undefined;
  return (value, context) => {
    read ??= structOf(typeByName(type));
    return read(value, context);
  };
}

/** Lists under keys come back from storage as messages, which are there even when there is nothing in them. */
const storedList =
  (read: Read): Read =>
  (value, context) => {
    if (value === null && context.empties === "kept") context.kept = true;
    return read(value, context) ?? (context.empties === "stored" ? [] : null);
  };

/** What is yet to be judged keeps fractions of a second. */
function timeOf(value: JSONValue, context: Context): JSONValue {
  if (context.empties !== "kept" || typeof value !== "string") return (scalars.Time as Read)(value, context);
  const exact = exactTime(value);
  if (exact !== null && exact.length > 20) context.kept = true;
  return exact;
}

/** A zero time behind a pointer is there all the same: what is yet to be judged keeps it as text, then it is written as null. */
const pointedTime =
  (read: Read, zero: string): Read =>
  (value, context) => {
    const time = value === null ? null : read(value, context);
    if (time !== null || context.empties !== "kept") return time;
    context.kept = true;
    return zero;
  };

/** No bytes under a key come back from storage as an empty sequence of them. */
function storedBytes(value: JSONValue, context: Context): JSONValue {
  if (value !== null) return (scalars.bytes as Read)(value, context);
  if (context.empties === "kept") context.kept = true;
  return context.empties === "stored" ? "" : null;
}

const freeForm = new Set(["RawExtension", "FieldsV1", "JSON"]);
function counted(value: JSONValue, context: Context): JSONValue {
  context.keys += countKeys(value);
  return value;
}

/** null stands for nil. */
function emptyOf(context: Context, empty: JSONValue): JSONValue {
  if (context.empties === "stored") return null;
  if (context.empties === "kept") context.kept = true;
  return empty;
}

/** null stands for nil: a list that is not written. */
function listOf(read: Read): Read {
  return (value, context) => {
    if (!Array.isArray(value)) {
      if (value === null) return null;
      throw misfit;
    }
    if (value.length === 0) return emptyOf(context, []);
    const list = new Array<JSONValue>(value.length);
    for (let i = 0; i < value.length; i++) list[i] = read(value[i] as JSONValue, context);
    return list;
  };
}

function mapOf(read: Read): Read {
  return (value, context) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      if (value === null) return null;
      throw misfit;
    }
    const map: JSONObject = {};
    const before = context.keys;
    let last = "";
    let sorted = true;
    for (const key in value) {
      context.keys++;
      if (sorted && compareBytes(last, key) > 0) sorted = false;
      last = key;
    }
    if (context.keys === before) return context.empties === "written" ? map : emptyOf(context, new EmptyMap() as JSONObject);
    if (sorted) for (const key in value) put(map, key, read(value[key] as JSONValue, context));
    else for (const key of sortFew(Object.keys(value), compareBytes)) put(map, key, read(value[key] as JSONValue, context));
    return map;
  };
}

function unionOf(type: string): Read {
  const schema = readerOf(unionSchema);
  const list = readerOf(type.endsWith("OrArray") ? `[]${unionSchema}` : "[]string");
  // What no struct has is nobody's business here; nor is what lies within counted anew on each of thousands of levels.
  const within = (empties: Empties): Context => ({ ...contextOf(empties), counted: true });
  const written = within("written");
  const inner = (read: Read, value: JSONValue, context: Context): JSONValue => {
    if (context.empties !== "kept") return read(value, written);
    const quiet = within("kept");
    const made = read(value, quiet);
    context.kept ||= quiet.kept;
    return made;
  };
  return (value, context) => {
    if (!context.counted) context.keys += countKeys(value);
    if (Array.isArray(value)) {
      if (type.endsWith("OrBool")) throw misfit;
      if (value.length) return inner(list, value, context);
    } else if (typeof value === "object" && value !== null) return inner(schema, value, context);
    // What is no schema at all is taken for one all the same, until it is stored.
    if (type.endsWith("OrArray") && context.empties === "kept" && value !== null) {
      context.kept = true;
      return Array.isArray(value) ? [] : false;
    }
    if (!type.endsWith("OrBool")) return null;
    if (typeof value === "boolean") return value;
    throw misfit;
  };
}

/** How Go decides that a field is empty and may be left out. */
type Emptiness = "never" | "null" | "empty" | "zero";

function emptinessOf(field: Field): Emptiness {
  if (field.omitzero && (field.type === "Time" || field.type === "MicroTime")) return "null";
  if (!field.omitempty) return "never";
  if (field.type.startsWith("*")) return "null";
  if (field.type.startsWith("[]") || field.type.startsWith("map[")) return "empty";
  return /^(string|bool|u?int\d*|float64|bytes)$/.test(field.type) ? "zero" : "never";
}

/** What is written for a field that the input does not have; a function where each object needs its own. */
function absentOf(field: Field): JSONValue | undefined | Read {
  if (emptinessOf(field) !== "never") return undefined;
  if (field.type.startsWith("*") || field.type.startsWith("[]") || field.type.startsWith("map[") || field.type === "bytes") return null;
  return scalars[field.type] ? (scalars[field.type] as Read)(null, contextOf("written")) : readerOf(field.type);
}

/**
 * A function made for the type, in which each field is an access by a constant name: three times as fast as a loop over
 * the fields (normalize.bench.ts). Names get into its text as JSON strings only.
 */
function compileStruct(type: TypeDef): Read {
  const known = new Map<string, unknown>([
    ["misfit", misfit],
    ["isEmpty", isEmpty],
  ]);
  const bind = (name: string, value: unknown): string => {
    known.set(name, value);
    return name;
  };
  const steps = type.flat.map((field, i) => {
    const at = `[${JSON.stringify(field.name)}]`;
    const absent = absentOf(field);
    const otherwise =
      absent === undefined ? "" : `out${at} = ${typeof absent === "function" ? `${bind(`zero${i}`, absent)}(null, context)` : JSON.stringify(absent)};`;
    return `item = input${at}; if (item !== undefined) { found++; ${takeOf(field, i, at, otherwise, bind)} } else { ${otherwise} }`;
  });
  const text = `return (value, context) => {
    if (typeof value !== "object" || Array.isArray(value)) throw misfit;
    const input = value ?? {}, out = {};
    let found = 0, keys = 0, item;
    ${steps.join("\n    ")}
    for (const _ in input) keys++;
    context.keys += keys;
    if (keys !== found) context.unknown = true;
    return out;
  }`;
  return new Function(...known.keys(), text)(...known.values()) as Read;
}

/** Statements that take `item`, which is there, over into `out`. */
function takeOf(field: Field, i: number, at: string, otherwise: string, bind: (name: string, value: unknown) => string): string {
  const empty = emptinessOf(field);
  if (field.type === "string" || field.type === "bool") {
    const kind = field.type === "string" ? "string" : "boolean";
    const keep = empty !== "zero" ? "" : kind === "string" ? 'if (item !== "") ' : "if (item) ";
    return `if (typeof item === "${kind}") { ${keep}out${at} = item; } else if (item !== null) throw misfit; else { ${otherwise} }`;
  }
  const read = `${bind(`read${i}`, readerOf(field.type))}(item, context)`;
  // A pointer that is set stays set, even to what is written as null.
  if (empty === "null" && field.type.startsWith("*"))
    return `if (item !== null${isOptionalTime(field.type) ? " || context.zeroTimes" : ""}) out${at} = ${read};`;
  if (empty === "empty") return `item = ${read}; if (item !== null && (context.empties === "kept" || !isEmpty(item, "empty"))) out${at} = item;`;
  const test = empty === "never" ? "" : empty === "null" ? "if (item !== null) " : `if (!isEmpty(item, "${empty}")) `;
  return `item = ${read}; ${test}out${at} = item;`;
}

function isEmpty(value: JSONValue, how: Emptiness): boolean {
  switch (how) {
    case "never":
      return false;
    case "null":
      return value === null;
    case "zero":
      return value === "" || value === 0 || value === false || value === null;
    case "empty":
      if (value === null) return true;
      if (Array.isArray(value)) return value.length === 0;
      for (const _ in value as JSONObject) return false;
      return true;
  }
}
