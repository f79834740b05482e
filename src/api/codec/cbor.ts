/**
 * CBOR (RFC 8949) as k8s.io/apimachinery/pkg/runtime/serializer/cbor reads it into untyped values: text and byte strings are
 * texts, tags 21 to 23 say in which text encoding bytes are shown, times become RFC 3339, keys are texts and never repeated;
 * NaN, infinities, bignums and simple values other than false, true and null are refused. Messages are fxamacker/cbor's.
 */
import { goQuote } from "../go-quote.ts";
import type { JSONObject, JSONValue } from "../json.ts";
import { formatTime } from "../time.ts";
import { bounded, DecodeError } from "./decode-error.ts";
import { maxParts, put } from "./json.ts";

/** Every text that the API server writes begins with it (RFC 8949, 3.4.6). */
export const selfDescribed = Uint8Array.of(0xd9, 0xd9, 0xf7);

const names = ["positive integer", "negative integer", "byte string", "UTF-8 text string", "array", "map", "tag", "primitives"] as const;
const maxPairs = 2_097_152;
const maxElements = 2_147_483_647;
/** As deep as JSON is read without doubt; upstream allows 10,000. */
const maxNested = 1000;
const indefinite = 31;

const eof = (): DecodeError => new DecodeError("unexpected EOF", true);
const misfit = (message: string): DecodeError => new DecodeError(`cbor: ${message}`);
const syntax = (message: string): DecodeError => new DecodeError(`cbor: ${message}`, true);
const unacceptable = (type: string, what: string): DecodeError => syntax(`data item of cbor type ${type} is not accepted by protocol: ${what}`);

/** One data item and nothing behind it. Throws DecodeError. */
export function decodeCBOR(bytes: Uint8Array): JSONValue {
  if (bytes.length === 0) throw new DecodeError("EOF", true);
  try {
    return bounded(() => new Reader(bytes).whole());
  } catch (error) {
    // That a text is no CBOR at all is said before what its parts mean, wherever either is.
    if (error instanceof DecodeError) bounded(() => new Reader(bytes).check());
    throw error;
  }
}

/** The item at `at` of a sequence (RFC 8742) and where it ends; undefined where it is not whole yet. Throws DecodeError. */
export function decodeCBORItem(bytes: Uint8Array, at: number): { value: JSONValue; end: number } | undefined {
  const reader = new Reader(bytes, at);
  try {
    return bounded(() => ({ value: reader.value(0), end: reader.at }));
  } catch (error) {
    if (error instanceof DecodeError && error.message === "unexpected EOF") return undefined;
    throw error;
  }
}

/** What an item is, as messages name it; tags are looked through. */
export function cborKind(bytes: Uint8Array): string {
  let at = 0;
  while ((bytes[at] as number) >> 5 === 6) {
    const low = (bytes[at] as number) & 31;
    at += low < 24 ? 1 : 1 + 2 ** (low - 24);
  }
  return names[(bytes[at] as number) >> 5] ?? "tag";
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

class Reader {
  readonly #bytes: Buffer;
  at: number;
  #parts = 0;
  /** Of the item whose head was read last. */
  #major = 0;
  #low = 0;
  #value = 0n as bigint | number;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = at;
  }

  whole(): JSONValue {
    const value = this.value(0);
    this.#ended();
    return value;
  }

  /** Throws for what is not well-formed, in the order of the text. */
  check(): void {
    this.#skip(0);
    this.#ended();
  }

  #ended(): void {
    const left = this.#bytes.length - this.at;
    if (left) throw syntax(`${left} bytes of extraneous data starting at index ${this.at}`);
  }

  #skip(depth: number): void {
    this.#head();
    const major = this.#major;
    if (major === 2 || major === 3) this.#string();
    else if (major === 4) this.#items(() => this.#skip(deeper(depth)));
    else if (major === 5) {
      const within = deeper(depth);
      this.#items(() => {
        this.#skip(within);
        if (this.#bytes[this.at] === 0xff) throw syntax('unexpected "break" code');
        this.#skip(within);
      });
    } else if (major === 6) {
      if (this.at >= this.#bytes.length) throw eof();
      if (this.#value === 2 || this.#value === 3) throw unacceptable("tag", "bignum");
      this.#skip(deeper(depth));
    } else if (major === 7 && this.#low > 24) this.#float(this.#low);
    else if (major === 7 && this.#low === 24 && Number(this.#value) < 32) throw syntax(`invalid simple value ${this.#value} for type primitives`);
  }

  #head(): void {
    const bytes = this.#bytes;
    if (this.at >= bytes.length) throw eof();
    const first = bytes[this.at++] as number;
    this.#major = first >> 5;
    const low = first & 31;
    this.#low = low;
    if (low < 24) {
      this.#value = low;
      return;
    }
    if (low >= 28 && low < indefinite) throw syntax(`invalid additional information ${low} for type ${names[this.#major]}`);
    if (low === indefinite) {
      if (this.#major < 2 || this.#major === 6) throw syntax(`invalid additional information ${low} for type ${names[this.#major]}`);
      if (this.#major === 7) throw syntax('unexpected "break" code');
      this.#value = 0;
      return;
    }
    const size = 1 << (low - 24);
    if (this.at + size > bytes.length) throw eof();
    const at = this.at;
    this.at += size;
    if (size < 8) this.#value = bytes.readUIntBE(at, size);
    else {
      const wide = bytes.readBigUInt64BE(at);
      this.#value = wide <= Number.MAX_SAFE_INTEGER ? Number(wide) : wide;
    }
  }

  /** A length of the head that was read; what is longer than all there is cannot be. */
  #length(): number {
    const length = this.#value;
    if (typeof length === "bigint" && BigInt.asIntN(64, length) < 0n)
      throw syntax(`${names[this.#major]} length ${length} is too large, ${this.#major < 4 ? "causing" : "it would cause"} integer overflow`);
    return Number(length);
  }

  value(depth: number, encoding = 0): JSONValue {
    this.#head();
    switch (this.#major) {
      case 0:
        return this.#integer(BigInt(this.#value));
      case 1:
        return this.#integer(-1n - BigInt(this.#value));
      case 2:
        return this.#shown(this.#string(), encoding);
      case 3:
        return this.#text();
      case 4:
        return this.#array(deeper(depth), encoding);
      case 5:
        return this.#map(deeper(depth), encoding);
      case 6:
        return this.#tagged(depth, encoding);
      default:
        return this.#primitive();
    }
  }

  #integer(value: bigint): number | bigint {
    const number = Number(value);
    if (Number.isSafeInteger(number)) return number;
    if (BigInt.asIntN(64, value) === value) return value;
    throw misfit(`cannot unmarshal ${names[this.#major]} into Go value of type int64 (${value} overflows Go's int64)`);
  }

  #string(): Buffer {
    if (this.#low !== indefinite) return this.#chunk();
    const major = this.#major;
    const chunks: Buffer[] = [];
    for (;;) {
      if (this.at >= this.#bytes.length) throw eof();
      if (this.#bytes[this.at] === 0xff) break;
      const next = this.#bytes[this.at] as number;
      if (next >> 5 !== major) throw syntax(`wrong element type ${names[next >> 5]} for indefinite-length ${names[major]}`);
      if ((next & 31) === indefinite) throw syntax(`indefinite-length ${names[major]} chunk is not definite-length`);
      this.#head();
      chunks.push(this.#chunk());
    }
    this.at++;
    return Buffer.concat(chunks);
  }

  #chunk(): Buffer {
    const length = this.#length();
    if (length > this.#bytes.length - this.at) throw eof();
    this.at += length;
    return this.#bytes.subarray(this.at - length, this.at);
  }

  #text(): string {
    try {
      return utf8.decode(this.#string());
    } catch (error) {
      if (error instanceof TypeError) throw misfit("invalid UTF-8 string");
      throw error;
    }
  }

  #shown(bytes: Buffer, encoding: number): string {
    if (encoding === 22) return bytes.toString("base64");
    if (encoding === 21) return bytes.toString("base64url");
    return encoding === 23 ? bytes.toString("hex") : bytes.toString("utf8");
  }

  /** Runs `each` as often as the head says, or up to the break. */
  #items(each: (index: number) => void): void {
    if (this.#low === indefinite) {
      for (let i = 0; ; i++) {
        if (this.at >= this.#bytes.length) throw eof();
        if (this.#bytes[this.at] === 0xff) break;
        each(i);
      }
      this.at++;
      return;
    }
    const count = this.#length();
    if (count > (this.#major === 5 ? maxPairs : maxElements))
      throw this.#major === 5 ? tooMany() : syntax(`exceeded max number of elements ${maxElements} for CBOR array`);
    for (let i = 0; i < count; i++) each(i);
  }

  #part(): void {
    if (++this.#parts > maxParts) throw syntax(`more than ${maxParts} arrays, maps and entries`);
  }

  #array(depth: number, encoding: number): JSONValue[] {
    this.#part();
    const items: JSONValue[] = [];
    this.#items(() => items.push(this.value(depth, encoding)));
    return items;
  }

  #map(depth: number, encoding: number): JSONObject {
    this.#part();
    const object: JSONObject = {};
    this.#items((index) => {
      if (index >= maxPairs) throw tooMany();
      this.#part();
      const key = this.#key(depth, encoding);
      if (Object.hasOwn(object, key)) throw new DecodeError(`cbor: found duplicate map key ${goQuote(key)} at map element index ${index}`, depth === 1);
      if (this.#bytes[this.at] === 0xff) throw syntax('unexpected "break" code');
      put(object, key, this.value(depth, encoding));
    });
    return object;
  }

  #key(depth: number, encoding: number): string {
    const from = this.at;
    const key = this.value(depth, encoding);
    if (typeof key === "string") return key;
    throw misfit(`cannot unmarshal ${cborKind(this.#bytes.subarray(from))} into Go value of type string`);
  }

  #tagged(depth: number, outer: number): JSONValue {
    const tag = this.#value;
    const within = deeper(depth);
    if (this.at >= this.#bytes.length) throw eof();
    const major = (this.#bytes[this.at] as number) >> 5;
    if (tag === 2 || tag === 3) throw unacceptable("tag", "bignum");
    if (tag === 0 || tag === 1) return this.#time(tag, major);
    return this.value(within, tag === 21 || tag === 22 || tag === 23 ? tag : outer);
  }

  #time(tag: 0 | 1, major: number): string {
    if (tag === 0) {
      if (major !== 3) throw misfit(`tag number 0 must be followed by text string, got ${names[major]}`);
      const text = this.value(0) as string;
      if (Number.isNaN(Date.parse(text)) || !/^\d{4}-\d\d-\d\dT/.test(text)) throw misfit(`cannot set ${text} for time.Time`);
      return text;
    }
    if (major !== 0 && major !== 1 && major !== 7) throw misfit(`tag number 1 must be followed by integer or floating-point number, got ${names[major]}`);
    const seconds = Number(this.value(0));
    const year = Number.isFinite(seconds) && Math.abs(seconds) < 8.64e12 ? new Date(seconds * 1000).getUTCFullYear() : -1;
    if (year < 0 || year > 9999)
      throw misfit("decoded time cannot be represented in RFC3339 format with sub-second precision: Time.MarshalText: year outside of range [0,9999]");
    return nanos(seconds);
  }

  #primitive(): JSONValue {
    const low = this.#low;
    const bits = Number(this.#value);
    if (low === 20 || low === 21) return low === 21;
    if (low === 22) return null;
    if (low >= 25) return this.#float(low);
    if (low === 24 && bits < 32) throw syntax(`invalid simple value ${bits} for type primitives`);
    throw misfit(`data item of cbor type primitives is not accepted by protocol: simple value ${bits} is not recognized`);
  }

  #float(low: number): number {
    const at = this.at;
    const value = low === 27 ? this.#bytes.readDoubleBE(at - 8) : low === 26 ? this.#bytes.readFloatBE(at - 4) : halfFloat(this.#bytes.readUInt16BE(at - 2));
    if (Number.isNaN(value)) throw unacceptable("primitives", "floating-point NaN");
    if (!Number.isFinite(value)) throw unacceptable("primitives", "floating-point infinity");
    return value;
  }
}

function deeper(depth: number): number {
  if (depth >= maxNested) throw syntax(`exceeded max nested level ${maxNested}`);
  return depth + 1;
}

const tooMany = (): DecodeError => syntax(`exceeded max number of key-value pairs ${maxPairs} for CBOR map`);

function halfFloat(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const size =
    exponent === 0 ? fraction * 2 ** -24 : exponent === 31 ? (fraction ? Number.NaN : Number.POSITIVE_INFINITY) : (1024 + fraction) * 2 ** (exponent - 25);
  return bits & 0x8000 ? -size : size;
}

/** RFC 3339 with what there is of nanoseconds. */
function nanos(seconds: number): string {
  const toZero = Math.trunc(seconds);
  const fraction = Math.trunc((seconds - toZero) * 1e9);
  const rest = fraction < 0 ? fraction + 1e9 : fraction;
  const text = formatTime((fraction < 0 ? toZero - 1 : toZero) * 1000);
  return rest ? `${text.slice(0, -1)}.${String(rest).padStart(9, "0").replace(/0+$/, "")}Z` : text;
}
