/**
 * Some members of objects in JSON texts, read without the rest. Of a pod's three kilobytes a table shows some two hundred
 * bytes; to look for these is a fraction of the work that it is to parse the pod.
 */
import type { JSONValue } from "../json.ts";
import { parseJSON } from "./json.ts";
import { findMember, memberValue, nextMember, says, skipString, skipValue, space } from "./json-scan.ts";

/** Members by name: whole, or some of theirs. What is said of a list holds of each of its elements. */
export interface Wanted {
  readonly [member: string]: Wanted | true | undefined;
}
/** The same for the members that a type has. */
export type Reads<T> = { readonly [K in keyof T]?: true | Reads<Item<NonNullable<T[K]>>> };
type Item<T> = T extends readonly (infer E)[] ? NonNullable<E> : T;

interface Member {
  /** The name with its quotes. */
  quoted: Uint8Array;
  some: readonly Member[] | undefined;
}

const brace = 0x7b;
const closingBrace = 0x7d;
const bracket = 0x5b;
const closingBracket = 0x5d;
const comma = 0x2c;
const quote = 0x22;
const quotedMetadata = Buffer.from('"metadata"');
/** Bytes for whose copying no native function is called. */
const few = 48;

const compiled = new WeakMap<Wanted, readonly Member[]>();

function membersOf(wanted: Wanted): readonly Member[] {
  const known = compiled.get(wanted);
  if (known) return known;
  const members = Object.entries(wanted).flatMap(([name, part]): Member[] =>
    part ? [{ quoted: Buffer.from(JSON.stringify(name)), some: part === true ? undefined : membersOf(part) }] : [],
  );
  compiled.set(wanted, members);
  return members;
}

/** As parseJSON would give it without the members that are not wanted. Throws for a text that is not well-formed where it looks. */
export function parsePart(text: Uint8Array, wanted: Wanted): JSONValue {
  const members = membersOf(wanted);
  return members.length === 0 ? {} : parseJSON(extract.of(text, members)).value;
}

export interface ObjectPart {
  value: JSONValue;
  /** JSON of its metadata. */
  metadata: Uint8Array;
}

/** The same of an object with metadata. */
export function parseObjectPart(text: Uint8Array, wanted: Wanted): ObjectPart {
  const members = membersOf(wanted);
  if (members.length === 0) {
    const from = findMember(text, space(text, space(text, 0) + 1), quotedMetadata);
    return { value: {}, metadata: text.subarray(from, skipValue(text, from)) };
  }
  const part = extract.of(text, members);
  const metadata = text.subarray(extract.metadataFrom, extract.metadataTo);
  return { value: parseJSON(part).value, metadata };
}

/** The text of what is wanted. Its bytes serve one text after the other. */
class Extract {
  #out = Buffer.alloc(4096);
  #length = 0;

  /** Where the value of the member `metadata` of the last text stands. */
  metadataFrom = 0;
  metadataTo = 0;

  of(text: Uint8Array, members: readonly Member[]): string {
    this.#length = 0;
    this.metadataTo = this.metadataFrom = 0;
    // What is wanted is never longer than all.
    if (this.#out.length <= text.length) this.#out = Buffer.alloc(text.length + 4096);
    const at = space(text, 0);
    if (text[at] === brace) this.#object(text, at, members, true);
    else this.#value(text, at, members);
    return this.#out.toString("utf8", 0, this.#length);
  }

  /** Returns the position behind the value. */
  #value(text: Uint8Array, at: number, members: readonly Member[] | undefined): number {
    const byte = text[at];
    if (members && byte === brace) return this.#object(text, at, members, false);
    if (members && byte === bracket) return this.#list(text, at, members);
    const end = skipValue(text, at);
    this.#copy(text, at, end);
    return end;
  }
  #copy(text: Uint8Array, from: number, to: number): void {
    const out = this.#out;
    let at = this.#length;
    if (to - from > few) out.set(text.subarray(from, to), at);
    else for (let i = from; i < to; i++) out[at++] = text[i] as number;
    this.#length += to - from;
  }
  #byte(byte: number): void {
    this.#out[this.#length++] = byte;
  }
  #object(text: Uint8Array, from: number, members: readonly Member[], isOuter: boolean): number {
    this.#byte(brace);
    let isFirst = true;
    let at = space(text, from + 1);
    while (text[at] === quote) {
      const nameAt = at;
      const nameEnd = skipString(text, at);
      const valueAt = memberValue(text, nameEnd);
      const member = named(text, at, nameEnd - at, members);
      if (member) {
        if (!isFirst) this.#byte(comma);
        isFirst = false;
        this.#copy(text, at, nameEnd);
        this.#byte(0x3a);
        at = this.#value(text, valueAt, member.some);
      } else at = skipValue(text, valueAt);
      if (isOuter && nameEnd - nameAt === quotedMetadata.length && says(text, nameAt, quotedMetadata)) {
        this.metadataFrom = valueAt;
        this.metadataTo = at;
      }
      at = nextMember(text, at);
    }
    if (text[at] !== closingBrace) throw new SyntaxError(`the stored value is not a JSON object: } expected at byte ${at}`);
    this.#byte(closingBrace);
    return at + 1;
  }
  #list(text: Uint8Array, from: number, members: readonly Member[]): number {
    this.#byte(bracket);
    let at = space(text, from + 1);
    for (let isFirst = true; text[at] !== closingBracket; isFirst = false) {
      if (!isFirst) this.#byte(comma);
      const end = this.#value(text, at, members);
      if (end === at) throw new SyntaxError(`the stored value is not a JSON list: a value expected at byte ${at}`);
      at = nextMember(text, end);
    }
    this.#byte(closingBracket);
    return at + 1;
  }
}

function named(text: Uint8Array, at: number, length: number, members: readonly Member[]): Member | undefined {
  for (let i = 0; i < members.length; i++) {
    const member = members[i] as Member;
    if (member.quoted.length === length && text[at + 1] === member.quoted[1] && says(text, at, member.quoted)) return member;
  }
  return undefined;
}

const extract = new Extract();
