/**
 * JSON as Go's encoding/json and sigs.k8s.io/json read and write it: repeated keys are reported, integers beyond 2^53 are
 * kept (as bigint), `__proto__` is a key like any other, `<`, `>` and `&` are escaped, and map keys are in byte order.
 */
import { isUtf8 } from "node:buffer";
import { textOf } from "../../base/utf8.ts";
import { goQuote } from "../go-quote.ts";
import { sortFew } from "../../base/sort-few.ts";
import { stackSize } from "../../base/stack.ts";
import type { JSONObject, JSONValue } from "../json.ts";
import { bounded, DecodeError, maxDepth } from "./decode-error.ts";
import { checkBytes, type JSONNode, parseNodes } from "./json-syntax.ts";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

export interface JSONText {
  text: string;
  value: JSONValue;
  /** How many keys the text has: where the value has fewer, keys are repeated. -1 where the value may differ otherwise (numbers that a double does not carry): read it again exactly. */
  keys: number;
}

/**
 * `duplicates` are messages (`duplicate field "metadata.name"`), each once, in the order of the text. Of repeated keys the
 * last wins, objects are merged as Go does. Throws DecodeError.
 */
export function parseJSON(bytes: Uint8Array | string, parts?: number): { value: JSONValue; duplicates: string[] } {
  const read = readJSON(bytes, parts);
  if (countKeys(read.value) === read.keys) return { value: read.value, duplicates: [] };
  const duplicates = new Set<string>();
  const value = bounded(() => untyped(parseNodes(read.text), duplicates));
  return { value, duplicates: [...duplicates] };
}

/** Of text that encodeJSON wrote: integers that a double may not carry, and halves of characters. */
const uncarried = /[:,[]-?\d{16}|\\u[dD]/;

/** As parseJSON, of what encodeJSON or encodeMembers wrote: no key is repeated. */
export function parseWritten(bytes: Uint8Array): JSONValue {
  const text = decode(bytes);
  return uncarried.test(text) ? parseJSON(text).value : (JSON.parse(text) as JSONValue);
}

/**
 * Objects, lists, fields and numbers that are no plain integers, of a body. Upstream knows no such limit, but its store takes no more than 1.5 MB; three megabytes of
 * nothing but brackets take a hundred times that while they are looked at.
 */
export const maxParts = 250_000;

/** The quick half of parseJSON. Throws DecodeError for malformed text, for more than so many parts, and where those are given for more than `safeDepth` levels. */
export function readJSON(bytes: Uint8Array | string, parts = Number.POSITIVE_INFINITY): JSONText {
  const text = typeof bytes === "string" ? bytes : decode(bytes);
  const colons = scan(text, parts);
  if (colons === tooDense) throw new DecodeError(`more than ${parts} objects, lists, fields and fractions`, true);
  let value: JSONValue;
  try {
    if (colons === tooDeep) throw new DecodeError("exceeded max depth", true);
    value = JSON.parse(text) as JSONValue;
    if (halves.test(text)) value = wellFormed(value);
  } catch {
    if (typeof bytes === "string") parseNodes(text);
    else checkBytes(bytes);
    throw new DecodeError("exceeded max depth", true);
  }
  return { text, value, keys: colons };
}

/** Escapes of what may be half a character. */
const halves = /\\u[dD][89a-fA-F]/;

/** Go has no halves of characters: each becomes a mark. */
function wellFormed(value: JSONValue): JSONValue {
  if (typeof value === "string") return value.toWellFormed();
  if (Array.isArray(value)) return value.map(wellFormed);
  if (typeof value !== "object" || value === null) return value;
  const made: JSONObject = {};
  for (const [key, item] of Object.entries(value)) put(made, key.toWellFormed(), wellFormed(item as JSONValue));
  return made;
}

/** What JSON allows and YAML does not, or understands otherwise: other characters than these, a colon in another line, `-0`, `<<`, numbers beyond all bounds, keys of more than 1024 characters. */
const plain = /^[\n\x20-\x7e]*$/;
const otherwise = /" *\n[\n ]*:|-0|"<<"|\\\/|\de\+?\d{3}/i;
/** Each of them may be written as an escape of six. */
const longestKey = 170;

/** How many keys there are; NaN where one is long. */
function countShortKeys(value: JSONValue): number {
  if (typeof value !== "object" || value === null) return 0;
  let keys = 0;
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === "object") keys += countShortKeys(item);
    return keys;
  }
  for (const key in value) {
    keys += key.length > longestKey ? Number.NaN : 1;
    const item = value[key];
    if (typeof item === "object") keys += countShortKeys(item);
  }
  return keys;
}

/**
 * The value of a text that is an object both in JSON and in YAML, keys sorted as YAML's are; undefined for others, and for those
 * that need a closer look. Most bodies that are called YAML are such.
 */
export function readPlainJSON(text: string, parts: number): JSONValue | undefined {
  if (text.charCodeAt(0) !== 0x7b || !plain.test(text) || otherwise.test(text)) return undefined;
  const colons = scan(text, parts);
  if (colons < 0) return undefined;
  try {
    const value = JSON.parse(text) as JSONValue;
    return countShortKeys(value) === colons ? sortKeys(value) : undefined;
  } catch {
    return undefined;
  }
}

function decode(bytes: Uint8Array): string {
  return isUtf8(bytes) ? decoder.decode(bytes) : textOf(bytes);
}

const unusual = -1;
const tooDeep = -2;
const tooDense = -3;
/**
 * Levels that bodies may have: deeper than this JavaScript's own recursion is not sure to succeed. Upstream's limit takes 3 to 4 MB
 * of stack in the steps that take most.
 */
export const safeDepth = stackSize < 6000 ? 1000 : maxDepth;

/** Number of keys in a well-formed text; `unusual` for numbers with a fraction, an exponent or 16 digits and for surrogate escapes. */
function scan(text: string, most: number): number {
  const end = text.length;
  let parts = 0;
  let colons = 0;
  let depth = 0;
  let deepest = 0;
  let odd = false;
  for (let i = 0; i < end; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x22) {
      for (i++; i < end; i++) {
        const s = text.charCodeAt(i);
        if (s === 0x22) break;
        if (s === 0x5c) {
          i++;
          if (text.charCodeAt(i) === 0x75 && (text.charCodeAt(i + 1) | 0x20) === 0x64) odd = true;
        }
      }
    } else if (c === 0x3a) {
      colons++;
      if (++parts > most) return tooDense;
    } else if (c === 0x7b || c === 0x5b) {
      if (++parts > most) return tooDense;
      if (++depth > deepest) deepest = depth;
    } else if (c === 0x7d || c === 0x5d) depth--;
    else if (c <= 0x39 && c >= 0x30) {
      const from = i;
      let n = text.charCodeAt(i + 1);
      while (n >= 0x30 && n <= 0x39) n = text.charCodeAt(++i + 1);
      if (n === 0x2e || (n | 0x20) === 0x65 || i - from >= 15) {
        odd = true;
        if (++parts > most) return tooDense;
      }
    }
  }
  if (deepest > safeDepth) return deepest > maxDepth || most < Number.POSITIVE_INFINITY ? tooDeep : unusual;
  return odd ? unusual : colons;
}

/** Of all objects in a value. */
export function countKeys(value: JSONValue): number {
  if (typeof value !== "object" || value === null) return 0;
  let keys = 0;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const item = value[i];
      if (typeof item === "object") keys += countKeys(item as JSONValue);
    }
    return keys;
  }
  for (const key in value) {
    keys++;
    const item = value[key];
    if (typeof item === "object") keys += countKeys(item as JSONValue);
  }
  return keys;
}

/** Integers that int64 holds stay exact; what is larger becomes a float, as for Go's untyped values. Throws DecodeError for what a float does not hold. */
export function numberOf(text: string): number | bigint {
  const number = Number(text);
  if (!Number.isFinite(number)) throw new DecodeError(`json: cannot unmarshal number ${text} into Go value of type float64`);
  if (Number.isSafeInteger(number) || /[.eE]/.test(text)) return number;
  const exact = BigInt(text);
  return BigInt.asIntN(64, exact) === exact ? exact : number;
}

/** Own property whatever the key's name is. */
export function put(object: { [key: string]: JSONValue | undefined }, key: string, value: JSONValue): void {
  if (key === "__proto__") Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  else object[key] = value;
}

/** Untyped value of a node; reports repeated keys. `path`: where it is, absent at the root. */
export function untyped(node: JSONNode, duplicates: Set<string>, path?: string): JSONValue {
  switch (node.kind) {
    case "object": {
      const object: { [key: string]: JSONValue } = {};
      node.values.forEach((child, i) => {
        const key = node.keys[i] as string;
        const at = path === undefined ? key : `${path}.${key}`;
        const value = untyped(child, duplicates, at);
        if (Object.hasOwn(object, key)) {
          if (duplicates.size < 100) duplicates.add(`duplicate field ${goQuote(at)}`);
          put(object, key, merge(object[key] as JSONValue, value));
        } else put(object, key, value);
      });
      return object;
    }
    case "array":
      return node.values.map((child, i) => untyped(child, duplicates, `${path ?? ""}[${i}]`));
    case "number":
      return numberOf(node.text);
    case "null":
      return null;
    default:
      return node.value;
  }
}

/** Go decodes a repeated key into what the first one left. */
export function merge(before: JSONValue, after: JSONValue): JSONValue {
  if (Array.isArray(before) && Array.isArray(after)) {
    return after.map((item, i) => (i < before.length ? merge(before[i] as JSONValue, item) : item));
  }
  if (typeof before !== "object" || typeof after !== "object" || !before || !after || Array.isArray(before) || Array.isArray(after)) return after;
  const merged = { ...before };
  for (const [key, value] of Object.entries(after)) {
    put(merged, key, Object.hasOwn(merged, key) ? merge(merged[key] as JSONValue, value as JSONValue) : (value as JSONValue));
  }
  return merged;
}

/** What JSON.stringify writes otherwise than Go: characters that HTML gives a meaning, and the order of keys that are integers. */
const ordinary = /[<>&\u2028\u2029]|[{,]"\d+":/;
const escapes = Object.entries({ "<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029" });
export function escapeHTML(text: string): string {
  let escaped = text;
  for (const [character, by] of escapes) if (escaped.includes(character)) escaped = escaped.replaceAll(character, by);
  return escaped;
}

/** As JSON.stringify writes it; integers beyond 2^53 are written in full. */
export function stringify(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    // Only a bigint (TypeError) or a depth beyond the stack (RangeError) can bring us here.
    if (!(error instanceof TypeError)) throw error;
    return write(value as JSONValue);
  }
}

/**
 * Keys are written in the order in which the object has them: structs in Go's order and maps sorted, as `normalize` and
 * `sortKeys` leave them. Only maps with keys that are integers, whose order JavaScript does not keep, are sorted here.
 */
export function encodeJSONString(value: unknown): string {
  const text = stringify(value);
  if (!ordinary.test(text)) return text;
  return /[{,]"\d+":/.test(text) ? write(value as JSONValue) : escapeHTML(text);
}

export function encodeJSON(value: unknown): Uint8Array {
  return encoder.encode(encodeJSONString(value));
}

/** JSON of an object's members, as encodeJSONString makes it, in pieces. */
export type MemberTexts = Readonly<Record<string, readonly string[]>>;

const plainKey = /^[A-Za-z]\w*$/;

/** As encodeJSON, with members whose text is known. One by one they also take V8 half as long as all at once. */
export function encodeMembers(object: object, texts: MemberTexts = {}): Uint8Array {
  let at = 0;
  for (const key in object) {
    const value = object[key as keyof typeof object] as unknown;
    if (value === undefined) continue;
    if (!plainKey.test(key)) return encodeJSON(object);
    at = append(`${at === 0 ? "{" : ","}"${key}":`, at);
    const known = texts[key];
    if (known) for (const piece of known) at = append(piece, at);
    else at = append(encodeJSONString(value), at);
    if (at === full) return encodeJSON(object);
  }
  if (at === 0) return encoder.encode("{}");
  block[at] = 0x7d;
  return Uint8Array.prototype.slice.call(block, 0, at + 1);
}

/** Where members of the usual size are put together, without a text of the whole. */
const block = Buffer.allocUnsafeSlow(64 * 1024);
const full = block.length;

/** Where the text ends in the block; `full` where it does not fit, one byte behind it included. */
function append(text: string, at: number): number {
  // A character takes three bytes at most.
  return at + 3 * text.length < full ? at + block.write(text, at) : full;
}

function write(value: JSONValue | undefined): string {
  if (typeof value === "string") return escapeHTML(JSON.stringify(value));
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value ?? null);
  if (Array.isArray(value)) return `[${value.map(write).join(",")}]`;
  const keys = Object.keys(value).filter((key) => value[key] !== undefined);
  if (keys.some((key) => /^\d+$/.test(key))) keys.sort(compareBytes);
  return `{${keys.map((key) => `${escapeHTML(JSON.stringify(key))}:${write(value[key])}`).join(",")}}`;
}

/** The order of the keys' UTF-8 bytes, which is that of their code points. */
export function compareBytes(a: string, b: string): number {
  if (a === b) return 0;
  const end = Math.min(a.length, b.length);
  for (let i = 0; i < end; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    // Surrogates stand for characters above all others.
    const fixed = (c: number): number => (c >= 0xd800 && c < 0xe000 ? c + 0x10000 : c);
    return fixed(x) - fixed(y);
  }
  return a.length - b.length;
}

/** Untyped objects as Go writes a map[string]any: all keys in byte order, at every depth. */
export function sortKeys(value: JSONValue): JSONValue {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    // A callback for each element would be two more frames a level.
    const items: JSONValue[] = [];
    for (const item of value) items.push(sortKeys(item));
    return items;
  }
  const sorted: { [key: string]: JSONValue } = {};
  for (const key of sortFew(Object.keys(value), compareBytes)) if (value[key] !== undefined) put(sorted, key, sortKeys(value[key] as JSONValue));
  return sorted;
}

/**
 * As sortKeys, but what is sorted is not copied, for those who change neither: so many levels down each part is looked at for
 * itself.
 */
export function withSortedKeys(value: JSONValue, levels = 4): JSONValue {
  if (typeof value !== "object" || value === null || isSorted(value)) return value;
  if (levels === 0) return sortKeys(value);
  if (Array.isArray(value)) return value.map((item) => withSortedKeys(item, levels - 1));
  const sorted: { [key: string]: JSONValue } = {};
  for (const key of sortFew(Object.keys(value), compareBytes))
    if (value[key] !== undefined) put(sorted, key, withSortedKeys(value[key] as JSONValue, levels - 1));
  return sorted;
}

function isSorted(value: JSONValue): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (Array.isArray(value)) {
    for (const item of value) if (!isSorted(item)) return false;
    return true;
  }
  let last = "";
  for (const key in value) {
    const item = value[key];
    if (item === undefined || compareBytes(last, key) > 0 || (typeof item === "object" && !isSorted(item))) return false;
    last = key;
  }
  return true;
}
