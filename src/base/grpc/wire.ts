/** Protobuf's wire format: variable-length integers, length-delimited fields (protobuf.dev/programming-guides/encoding). */

/** Bytes as they grow. */
export class Writer {
  #buffer = Buffer.allocUnsafe(512);
  length = 0;
  room(bytes: number): void {
    if (this.length + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.length + bytes));
    this.#buffer.copy(larger, 0, 0, this.length);
    this.#buffer = larger;
  }
  varint(value: number): void {
    this.room(10);
    if (value < 0) {
      this.#big(BigInt.asUintN(64, BigInt(value)));
      return;
    }
    let rest = value;
    while (rest > 127) {
      this.#buffer[this.length++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.#buffer[this.length++] = rest;
  }
  #big(value: bigint): void {
    let rest = value;
    while (rest > 127n) {
      this.#buffer[this.length++] = Number(rest & 127n) | 128;
      rest >>= 7n;
    }
    this.#buffer[this.length++] = Number(rest);
  }
  double(value: number): void {
    this.room(8);
    this.length = this.#buffer.writeDoubleLE(value, this.length);
  }
  fixed64(value: bigint): void {
    this.room(8);
    this.length = this.#buffer.writeBigUInt64LE(value, this.length);
  }
  text(value: string): void {
    const size = Buffer.byteLength(value);
    this.varint(size);
    this.room(size);
    this.length += this.#buffer.write(value, this.length, size, "utf8");
  }
  bytes(value: Uint8Array): void {
    this.varint(value.length);
    this.room(value.length);
    this.#buffer.set(value, this.length);
    this.length += value.length;
  }
  done(): Buffer {
    return this.#buffer.subarray(0, this.length);
  }
}

/** Reads a message, or the part of one from `at` to `end`. Throws when the bytes are not protobuf. */
export class Reader {
  readonly #buffer: Buffer;
  at: number;
  readonly end: number;
  constructor(buffer: Buffer, at = 0, end = buffer.length) {
    this.#buffer = buffer;
    this.at = at;
    this.end = end;
  }
  varint(): number {
    let result = 0;
    let factor = 1;
    for (let i = 0; i < 10; i++) {
      if (this.at >= this.end) throw new Error("protobuf: unexpected end in a varint");
      const byte = this.#buffer[this.at++] as number;
      // Nine bytes of seven bits reach bit 63: the tenth byte is only there for negative numbers.
      if (i === 9) return Number(BigInt.asIntN(64, this.#negative(this.at - 10)));
      result += (byte & 127) * factor;
      if (byte < 128) return result;
      factor *= 128;
    }
    throw new Error("protobuf: varint too long");
  }
  #negative(from: number): bigint {
    let value = 0n;
    for (let i = 9; i >= 0; i--) value = (value << 7n) | BigInt((this.#buffer[from + i] as number) & 127);
    return value;
  }
  double(): number {
    this.at += 8;
    return this.#buffer.readDoubleLE(this.at - 8);
  }
  /** Takes a length-delimited field; returns where it starts, with `at` behind it. */
  #take(): number {
    const size = this.varint();
    if (this.at + size > this.end) throw new Error("protobuf: field longer than its message");
    const start = this.at;
    this.at += size;
    return start;
  }
  text(): string {
    const start = this.#take();
    return this.#buffer.toString("utf8", start, this.at);
  }
  bytes(): Uint8Array {
    return this.#buffer.subarray(this.#take(), this.at);
  }
  nested(): Reader {
    return new Reader(this.#buffer, this.#take(), this.at);
  }
  skip(wireType: number): void {
    if (wireType === 0) this.varint();
    else if (wireType === 1) this.at += 8;
    else if (wireType === 2) this.#take();
    else if (wireType === 5) this.at += 4;
    else throw new Error(`protobuf: wire type ${wireType}`);
  }
}
