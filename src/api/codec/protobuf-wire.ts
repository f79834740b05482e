/** The protobuf wire format: knows no message. */
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

/** Reads one message; what is cut off or out of bounds is a DecodeError with gogo's text. */
export class ProtoReader {
  readonly #bytes: Buffer;
  #at: number;
  readonly #end: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = start;
    this.#end = end;
  }

  get done(): boolean {
    return this.#at >= this.#end;
  }

  /** Field number times eight plus wire type. */
  tag(): number {
    const tag = this.varint();
    if ((tag & 7) === 4) throw new DecodeError("proto: wiretype end group for non-group");
    if (tag < 8) throw new DecodeError(`proto: illegal tag 0 (wire type ${tag})`);
    return tag;
  }

  /** For lengths, tags and values that are known to be small and not negative. */
  varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      if (this.#at >= this.#end) throw new DecodeError("unexpected EOF");
      const byte = this.#bytes[this.#at++] as number;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) throw new DecodeError("proto: integer overflow");
        return value;
      }
      scale *= 128;
    }
    throw new DecodeError("proto: integer overflow");
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
    const length = this.varint();
    if (length > this.#end - this.#at) throw new DecodeError("unexpected EOF");
    return length;
  }

  /** A view, not a copy. */
  data(): Uint8Array {
    const length = this.#length();
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** Malformed UTF-8 reads as U+FFFD. */
  string(): string {
    const length = this.#length();
    const start = this.#at;
    this.#at += length;
    if (length > 24) return this.#bytes.toString("utf8", start, this.#at);
    let text = "";
    for (let i = start; i < this.#at; i++) {
      const code = this.#bytes[i] as number;
      if (code >= 0x80) return this.#bytes.toString("utf8", start, this.#at);
      text += String.fromCharCode(code);
    }
    return text;
  }

  /** A reader of the message that comes. */
  message(): ProtoReader {
    const length = this.#length();
    this.#at += length;
    return new ProtoReader(this.#bytes, this.#at - length, this.#at);
  }

  skip(type: number): void {
    if (type === wire.varint) this.#wide();
    else if (type === wire.bytes) this.#at += this.#length();
    else if (type === wire.fixed64 || type === wire.fixed32) {
      this.#at += type === wire.fixed64 ? 8 : 4;
      if (this.#at > this.#end) throw new DecodeError("unexpected EOF");
    } else if (type === 3) this.#skipGroup();
    else throw new DecodeError(`proto: illegal wireType ${type}`);
  }

  #skipGroup(): void {
    for (let depth = 1; depth > 0; ) {
      const tag = this.varint();
      if ((tag & 7) === 3) depth++;
      else if ((tag & 7) === 4) depth--;
      else this.skip(tag & 7);
    }
  }
}
