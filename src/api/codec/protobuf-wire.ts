/** The protobuf wire format: knows no message. */
import { textOf } from "../../base/utf8.ts";
import { DecodeError } from "./decode-error.ts";

export const wire = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/**
 * Writes from the end of its buffer towards the start, so that a message's length is known when its header is written.
 * Fields are therefore written in descending order.
 */
export class ProtoWriter {
  #buffer: Buffer;
  #at: number;

  constructor(capacity = 4096) {
    this.#buffer = Buffer.allocUnsafe(capacity);
    this.#at = capacity;
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#buffer.length - this.#at;
  }

  /** What was written. The view is of the writer's own memory: take it once, when all is written. */
  finish(): Uint8Array {
    return this.#buffer.subarray(this.#at);
  }

  reserve(bytes: number): void {
    if (this.#at >= bytes) return;
    const length = this.length;
    const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, length + bytes));
    this.#buffer.copy(grown, grown.length - length, this.#at);
    this.#at = grown.length - length;
    this.#buffer = grown;
  }

  /** An integer of up to 2^53 in size; negative ones take ten bytes, as int32 and int64 do. */
  varint(value: number): void {
    if (value >= 0 && value < 0x80) {
      this.byte(value);
      return;
    }
    if (value < 0 || value > Number.MAX_SAFE_INTEGER) {
      this.varint64(BigInt(value));
      return;
    }
    this.reserve(8);
    const size = value < 0x4000 ? 2 : Math.ceil((Math.floor(Math.log2(value)) + 1) / 7);
    this.#at -= size;
    let rest = value;
    let at = this.#at;
    for (; rest >= 0x80; at++) {
      this.#buffer[at] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.#buffer[at] = rest;
  }

  varint64(value: bigint): void {
    let rest = BigInt.asUintN(64, value);
    const bytes: number[] = [];
    for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
    bytes.push(Number(rest));
    this.bytes(bytes);
  }

  byte(value: number): void {
    this.reserve(1);
    this.#buffer[--this.#at] = value;
  }

  /** Without a length. */
  bytes(value: ArrayLike<number>): void {
    this.reserve(value.length);
    this.#at -= value.length;
    this.#buffer.set(value, this.#at);
  }

  /** Bytes of another buffer, without a length. */
  copy(source: Buffer, from: number, to: number): void {
    const length = to - from;
    this.reserve(length);
    this.#at -= length;
    if (length > 24) source.copy(this.#buffer, this.#at, from, to);
    else for (let i = 0; i < length; i++) this.#buffer[this.#at + i] = source[from + i] as number;
  }

  /** Back to when so many bytes had been written. */
  rewind(length: number): void {
    this.#at = this.#buffer.length - length;
  }

  /** As UTF-8, without a length; returns how many bytes it took. */
  text(value: string): number {
    const length = value.length;
    this.reserve(length * 3);
    if (length < 48) {
      let at = this.#at - length;
      let ascii = true;
      for (let i = 0; i < length; i++) {
        const code = value.charCodeAt(i);
        if (code >= 0x80) {
          ascii = false;
          break;
        }
        this.#buffer[at++] = code;
      }
      if (ascii) {
        this.#at -= length;
        return length;
      }
    }
    const size = Buffer.byteLength(value);
    this.#at -= size;
    this.#buffer.write(value, this.#at, size, "utf8");
    return size;
  }

  tag(field: number, type: number): void {
    this.varint(field * 8 + type);
  }

  /** Header of a message or text whose last byte was written when `length` was `end`. */
  header(field: number, end: number): void {
    this.varint(this.length - end);
    this.tag(field, wire.bytes);
  }

  string(field: number, value: string): void {
    this.varint(this.text(value));
    this.tag(field, wire.bytes);
  }

  data(field: number, value: ArrayLike<number>): void {
    this.bytes(value);
    this.varint(value.length);
    this.tag(field, wire.bytes);
  }

  double(field: number, value: number): void {
    this.reserve(8);
    this.#at -= 8;
    this.#buffer.writeDoubleLE(value, this.#at);
    this.tag(field, wire.fixed64);
  }
}

const negative = "proto: negative length found during unmarshaling";

/** Reads one message; what is cut off or out of bounds is a DecodeError with gogo's text. */
export class ProtoReader {
  readonly #bytes: Buffer;
  #at: number;
  readonly #end: number;
  /** Go's name of the message. */
  readonly #name: string;

  constructor(bytes: Uint8Array, name: string, start = 0, end = bytes.length) {
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#name = name;
    this.#at = start;
    this.#end = end;
  }

  get done(): boolean {
    return this.#at >= this.#end;
  }

  /** Field number times eight plus wire type; entries of maps may have any. */
  tag(checked = true): number {
    const start = this.#at;
    const first = this.#bytes[start] as number;
    if (first < 0x80 && first >= 8 && (first & 7) !== 4 && start < this.#end) {
      this.#at = start + 1;
      return first;
    }
    const short = this.#short();
    if (short >= 8 && (short & 7) !== 4) return short;
    this.#at = start;
    const tag = this.#wide();
    const type = Number(tag & 7n);
    const number = Number(BigInt.asIntN(32, tag >> 3n));
    if (!checked) return number * 8 + type;
    if (type === 4) throw new DecodeError(`proto: ${this.#name}: wiretype end group for non-group`);
    if (number <= 0) throw new DecodeError(`proto: ${this.#name}: illegal tag ${number} (wire type ${BigInt.asUintN(64, tag)})`);
    return number * 8 + type;
  }

  /** Signed 64 bits: a number where one is exact. */
  int64(): number | bigint {
    const value = BigInt.asIntN(64, this.#wide());
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }

  /** Signed 32 bits, cut off as Go's conversion does. */
  int32(): number {
    const start = this.#at;
    const first = this.#bytes[start] as number;
    if (start < this.#end && first < 0x80) {
      this.#at++;
      return first;
    }
    return Number(BigInt.asIntN(32, this.#wide()));
  }

  #wide(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (this.#at >= this.#end) throw new DecodeError("unexpected EOF");
      const byte = this.#bytes[this.#at++] as number;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new DecodeError("proto: integer overflow");
  }

  double(): number {
    if (this.#at + 8 > this.#end) throw new DecodeError("unexpected EOF");
    this.#at += 8;
    return this.#bytes.readDoubleLE(this.#at - 8);
  }

  #length(): number {
    const first = this.#bytes[this.#at] as number;
    if (first < 0x80 && first < this.#end - this.#at) {
      this.#at++;
      return first;
    }
    const short = this.#short();
    return this.#within(short >= 0 ? short : Number(BigInt.asIntN(64, this.#wide())));
  }
  /** Of one or two bytes, as almost all are; -1, and nothing read, for others. */
  #short(): number {
    const at = this.#at;
    const first = this.#bytes[at] as number;
    if (first < 0x80 && at < this.#end) {
      this.#at = at + 1;
      return first;
    }
    const second = this.#bytes[at + 1] as number;
    if (!(second < 0x80) || at + 1 >= this.#end) return -1;
    this.#at = at + 2;
    return (first & 0x7f) + second * 128;
  }
  #within(length: number): number {
    if (length < 0) throw new DecodeError(negative);
    if (length <= this.#end - this.#at) return length;
    // Where Go's sum of both is beyond 64 bits.
    throw new DecodeError(length + this.#at >= 2 ** 63 ? negative : "unexpected EOF");
  }

  /** A view, not a copy. */
  data(): Uint8Array {
    const length = this.#length();
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  string(): string {
    const length = this.#length();
    const start = this.#at;
    this.#at += length;
    if (length > 24) return this.#text(start);
    let text = "";
    for (let i = start; i < this.#at; i++) {
      const code = this.#bytes[i] as number;
      if (code >= 0x80) return this.#text(start);
      text += String.fromCharCode(code);
    }
    return text;
  }

  #text(start: number): string {
    const text = this.#bytes.toString("utf8", start, this.#at);
    return text.includes("\ufffd") ? textOf(this.#bytes, start, this.#at) : text;
  }

  /** A reader of the message that comes. */
  message(name: string): ProtoReader {
    const length = this.#length();
    this.#at += length;
    return new ProtoReader(this.#bytes, name, this.#at - length, this.#at);
  }

  skip(type: number): void {
    if (type === wire.varint) this.#wide();
    else if (type === wire.bytes) this.data();
    else if (type === wire.fixed64 || type === wire.fixed32) {
      this.#at += type === wire.fixed64 ? 8 : 4;
      if (this.#at > this.#end) throw new DecodeError("unexpected EOF");
    } else if (type === 3) this.#skipGroup();
    else if (type === 4) throw new DecodeError("proto: unexpected end of group");
    else throw new DecodeError(`proto: illegal wireType ${type}`);
  }

  #skipGroup(): void {
    for (let depth = 1; depth > 0; ) {
      const type = Number(this.#wide() & 7n);
      if (type === 3) depth++;
      else if (type === 4) depth--;
      else this.skip(type);
    }
  }
}

/** Of a tag, which may have more than 32 bits. */
export const fieldNumber = (tag: number): number => Math.floor(tag / 8);

export function expect(got: number, wanted: number, field: string): void {
  if (got !== wanted) throw new DecodeError(`proto: wrong wireType = ${got} for field ${field}`);
}

const formWires = { string: wire.bytes, data: wire.bytes, int32: wire.varint, int64: wire.varint } as const;

/** Go's name of a field, how it is read, and what of the result it becomes. */
export type FieldReader<T> = readonly [name: string, form: keyof typeof formWires, key: keyof T];

/** Reads the fields of a small message into `into`; `known` begins with number 1. */
export function fields<T>(reader: ProtoReader, known: readonly FieldReader<T>[], into: T): T {
  while (!reader.done) {
    const tag = reader.tag();
    const field = known[fieldNumber(tag) - 1];
    if (!field) reader.skip(tag & 7);
    else {
      const [name, form, key] = field;
      expect(tag & 7, formWires[form], name);
      into[key] = reader[form]() as T[typeof key];
    }
  }
  return into;
}
