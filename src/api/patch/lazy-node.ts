/**
 * Values of a JSON text that are opened where somebody looks into them; what nobody has opened is written as it came, save for
 * white space and what HTML gives a meaning. What has been opened is written with its keys sorted. After lazyNode of
 * gopkg.in/evanphx/json-patch.v4: messages show such texts, tests of patches compare them, and free-form parts store them.
 */
import { compareBytes, encodeJSONString } from "../codec/json.ts";
import { memberValue, nextMember, skipString, skipValue, space } from "../codec/json-scan.ts";

/** null where the text says so. */
export type LazyObject = Map<string, LazyNode | null>;
export type LazyList = (LazyNode | null)[];

const brace = 0x7b;
const bracket = 0x5b;
const quote = 0x22;
const backslash = 0x5c;
const n = 0x6e;
const comma = Buffer.from(",");
const nothing = Buffer.from("null");

export class LazyNode {
  /** Absent where an operation gives null. */
  readonly text: Uint8Array | undefined;
  #object: LazyObject | undefined;
  #list: LazyList | undefined;

  /** `text` is one well-formed value without white space around it. */
  constructor(text?: Uint8Array) {
    this.text = text;
  }

  /** What is open already. */
  static holding(container: LazyObject | LazyList): LazyNode {
    const node = new LazyNode();
    if (Array.isArray(container)) node.#list = container;
    else node.#object = container;
    return node;
  }

  /** Opens it; undefined for all but objects. */
  object(): LazyObject | undefined {
    if (!this.#object && this.text?.[0] === brace) this.#object = new Map(membersOf(this.text));
    return this.#object;
  }
  /** Opens it; undefined for all but lists. */
  list(): LazyList | undefined {
    if (!this.#list && this.text?.[0] === bracket) this.#list = openList(this.text);
    return this.#list;
  }

  /** Looks into both; scalars are equal where they are written alike. */
  equals(other: LazyNode): boolean {
    const [object, list] = [this.object(), this.list()];
    if (object) {
      const others = other.object();
      return (
        others !== undefined && object.size === others.size && [...object].every(([key, value]) => others.has(key) && same(value, others.get(key) ?? null))
      );
    }
    if (list) {
      const others = other.list();
      return others !== undefined && list.length === others.length && list.every((value, i) => same(value, others[i] ?? null));
    }
    if (!this.text || !other.text) return this.text === other.text;
    return Buffer.compare(this.text, other.text) === 0;
  }

  write(into: Uint8Array[]): void {
    if (this.#object) writeObject(this.#object, into);
    else if (this.#list) writeList(this.#list, into);
    else into.push(this.text ? rewritten(this.text) : nothing);
  }
}

const same = (a: LazyNode | null, b: LazyNode | null): boolean => (a && b ? a.equals(b) : a === b);

/** The node of a whole text, which is well-formed. */
export function nodeOf(text: Uint8Array): LazyNode | null {
  const from = space(text, 0);
  return valueAt(text, from, endOf(text, from));
}

/** Behind a value; a number at the end of the text ends with it. */
function endOf(text: Uint8Array, at: number): number {
  const first = text[at];
  if (first === brace || first === bracket || first === quote) return skipValue(text, at);
  let end = at;
  while (end < text.length && ![0x20, 0x0a, 0x0d, 0x09, 0x2c, 0x7d, 0x5d].includes(text[end] as number)) end++;
  return end;
}
const valueAt = (text: Uint8Array, from: number, to: number): LazyNode | null => (text[from] === n ? null : new LazyNode(text.subarray(from, to)));

/** Every one, repeated keys too, of an object's text. */
export function* membersOf(text: Uint8Array): Generator<[string, LazyNode | null]> {
  for (let at = space(text, 1); text[at] === quote; ) {
    const nameEnd = skipString(text, at);
    const from = memberValue(text, nameEnd);
    const to = endOf(text, from);
    yield [stringOf(text.subarray(at, nameEnd)), valueAt(text, from, to)];
    at = nextMember(text, to);
  }
}

function openList(text: Uint8Array): LazyList {
  const items: LazyList = [];
  for (let at = space(text, 1); text[at] !== 0x5d; ) {
    const to = endOf(text, at);
    items.push(valueAt(text, at, to));
    at = nextMember(text, to);
  }
  return items;
}

/** What a string in quotes says. Go has no halves of characters. */
export function stringOf(quoted: Uint8Array): string {
  const text = Buffer.from(quoted.buffer, quoted.byteOffset, quoted.byteLength).toString();
  return quoted.includes(backslash) ? (JSON.parse(text) as string).toWellFormed() : text.slice(1, -1);
}

export function writeObject(members: LazyObject, into: Uint8Array[]): void {
  let before = "{";
  for (const key of [...members.keys()].sort(compareBytes)) {
    into.push(Buffer.from(`${before}${encodeJSONString(key)}:`));
    const value = members.get(key);
    if (value) value.write(into);
    else into.push(nothing);
    before = ",";
  }
  into.push(Buffer.from(before === "{" ? "{}" : "}"));
}

export function writeList(items: LazyList, into: Uint8Array[]): void {
  into.push(Buffer.from("["));
  for (const [i, item] of items.entries()) {
    if (i) into.push(comma);
    if (item) item.write(into);
    else into.push(nothing);
  }
  into.push(Buffer.from("]"));
}

const escaped: Readonly<Record<number, Buffer>> = { 60: Buffer.from("\\u003c"), 62: Buffer.from("\\u003e"), 38: Buffer.from("\\u0026") };

/** Without white space; `<`, `>`, `&` and the two separators of lines that are not ASCII are escaped. Bytes that are no UTF-8 stay. */
function rewritten(text: Uint8Array): Uint8Array {
  const pieces: Uint8Array[] = [];
  let kept = 0;
  let quoted = false;
  const instead = (at: number, to: number, by: Uint8Array | undefined): void => {
    pieces.push(text.subarray(kept, at));
    if (by) pieces.push(by);
    kept = to;
  };
  for (let i = 0; i < text.length; i++) {
    const byte = text[i] as number;
    if (byte === quote) quoted = !quoted;
    else if (byte === backslash) i++;
    else if (!quoted) {
      if (byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)) instead(i, i + 1, undefined);
    } else if (byte === 0x3c || byte === 0x3e || byte === 0x26) instead(i, i + 1, escaped[byte]);
    else if (byte === 0xe2 && text[i + 1] === 0x80 && ((text[i + 2] as number) & 0xfe) === 0xa8) {
      instead(i, i + 3, Buffer.from(text[i + 2] === 0xa8 ? "\\u2028" : "\\u2029"));
      i += 2;
    }
  }
  return kept ? Buffer.concat([...pieces, text.subarray(kept)]) : text;
}
