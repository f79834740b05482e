/**
 * Protobuf (proto3) for the messages of the Container Runtime Interface, driven by facts.json. 64-bit integers are
 * numbers: what the interface carries in them (bytes, shares, nanoseconds since the epoch) may lose its last bits beyond
 * 2^53. Each message's table is compiled to closures at first use.
 */
import facts from "./facts.json" with { type: "json" };

export type Message = Record<string, unknown>;
type Shape = "one" | "many" | "map";
type Fact = [number: number, name: string, type: string, shape: Shape];

const messages = facts.messages as unknown as Record<string, Fact[]>;
const enums = facts.enums as unknown as Record<string, Record<string, number>>;

class Writer {
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

class Reader {
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

interface Scalar {
  wireType: number;
  zero: unknown;
  write(writer: Writer, value: never): void;
  read(reader: Reader): unknown;
}
const number: Scalar = { wireType: 0, zero: 0, write: (w, v: number) => w.varint(v), read: (r) => r.varint() };
const scalars: Record<string, Scalar> = {
  int32: number,
  int64: number,
  uint32: number,
  uint64: number,
  bool: { wireType: 0, zero: false, write: (w, v: boolean) => w.varint(v ? 1 : 0), read: (r) => r.varint() !== 0 },
  double: { wireType: 1, zero: 0, write: (w, v: number) => w.double(v), read: (r) => r.double() },
  string: { wireType: 2, zero: "", write: (w, v: string) => w.text(v), read: (r) => r.text() },
  bytes: { wireType: 2, zero: new Uint8Array(), write: (w, v: Uint8Array) => w.bytes(v), read: (r) => r.bytes() },
};

function enumScalar(name: string, values: Record<string, number>): Scalar {
  const names = new Map(Object.entries(values).map(([key, value]) => [value, key]));
  return {
    wireType: 0,
    zero: names.get(0),
    write(writer, value: string) {
      const known = values[value];
      if (known === undefined) throw new Error(`${name} has no value ${JSON.stringify(value)}`);
      writer.varint(known);
    },
    read(reader) {
      const value = reader.varint();
      return names.get(value) ?? String(value);
    },
  };
}

function scalarOf(type: string): Scalar | undefined {
  const values = enums[type];
  return values ? enumScalar(type, values) : scalars[type];
}

interface Codec {
  write(writer: Writer, message: Message): void;
  read(reader: Reader): Message;
}
const codecs = new Map<string, Codec>();

function codecOf(type: string): Codec {
  const known = codecs.get(type);
  if (known) return known;
  const fields = messages[type];
  if (!fields) throw new Error(`${type} is not a message of the container runtime interface`);
  const codec: Codec = { write: () => {}, read: () => ({}) };
  codecs.set(type, codec);
  const compiled = fields.map(compileField);
  const byNumber = new Map(compiled.map((field) => [field.number, field]));
  const knownNames = new Set(fields.map(([, name]) => name));
  codec.write = (writer, message) => {
    for (const key in message) if (!knownNames.has(key)) throw new Error(`${type} has no field ${key}`);
    for (const field of compiled) {
      const value = message[field.name];
      if (value !== undefined && value !== null) field.write(writer, value as never);
    }
  };
  codec.read = (reader) => {
    const message: Message = {};
    for (const field of compiled) if (field.initial) message[field.name] = field.initial();
    while (reader.at < reader.end) {
      const tag = reader.varint();
      const field = byNumber.get(Math.floor(tag / 8));
      if (field) field.read(reader, tag % 8, message);
      else reader.skip(tag % 8);
    }
    return message;
  };
  return codec;
}

interface CompiledField {
  number: number;
  name: string;
  initial?: () => unknown;
  write(writer: Writer, value: never): void;
  read(reader: Reader, wireType: number, into: Message): void;
}

function writeNested(writer: Writer, codec: Codec, value: Message): void {
  const inner = new Writer();
  codec.write(inner, value);
  writer.bytes(inner.done());
}

function compileField([number, name, type, shape]: Fact): CompiledField {
  const scalar = scalarOf(type);
  const nested = scalar ? undefined : codecOf(type);
  const tag = number * 8 + (scalar?.wireType ?? 2);
  const writeOne = (writer: Writer, value: unknown): void => {
    writer.varint(tag);
    if (scalar) scalar.write(writer, value as never);
    else writeNested(writer, nested as Codec, value as Message);
  };
  const readOne = (reader: Reader): unknown => (scalar ? scalar.read(reader) : (nested as Codec).read(reader.nested()));
  if (shape === "map")
    return compileMap(number, name, scalar ?? { wireType: 2, zero: undefined, write: (w, v) => writeNested(w, nested as Codec, v), read: readOne });
  if (shape === "many")
    return {
      number,
      name,
      initial: () => [],
      write(writer, values: unknown[]) {
        // proto3 packs repeated numbers.
        if (scalar && scalar.wireType !== 2) {
          if (values.length === 0) return;
          const inner = new Writer();
          for (const value of values) scalar.write(inner, value as never);
          writer.varint(number * 8 + 2);
          writer.bytes(inner.done());
        } else for (const value of values) writeOne(writer, value);
      },
      read(reader, wireType, into) {
        const list = into[name] as unknown[];
        if (scalar && scalar.wireType !== 2 && wireType === 2) {
          const inner = reader.nested();
          while (inner.at < inner.end) list.push(scalar.read(inner));
        } else list.push(readOne(reader));
      },
    };
  return {
    number,
    name,
    initial: scalar ? () => scalar.zero : undefined,
    write(writer, value) {
      if (!scalar || (value !== scalar.zero && !(type === "bytes" && (value as Uint8Array).length === 0))) writeOne(writer, value);
    },
    read(reader, _, into) {
      into[name] = readOne(reader);
    },
  };
}

function compileMap(number: number, name: string, value: Scalar): CompiledField {
  return {
    number,
    name,
    initial: () => Object.create(null),
    write(writer, map: Record<string, unknown>) {
      for (const [key, item] of Object.entries(map)) {
        const inner = new Writer();
        inner.varint(10);
        inner.text(key);
        inner.varint(16 + value.wireType);
        value.write(inner, item as never);
        writer.varint(number * 8 + 2);
        writer.bytes(inner.done());
      }
    },
    read(reader, _, into) {
      const inner = reader.nested();
      let key = "";
      let item = value.zero;
      while (inner.at < inner.end) {
        const tag = inner.varint();
        if (tag >> 3 === 1) key = inner.text();
        else if (tag >> 3 === 2) item = value.read(inner);
        else inner.skip(tag % 8);
      }
      (into[name] as Record<string, unknown>)[key] = item;
    },
  };
}

/** Bytes of `message`. Throws for unknown fields and enum values, so that no misspelling is lost. */
export function encode(type: string, message: Message): Buffer {
  const writer = new Writer();
  codecOf(type).write(writer, message);
  return writer.done();
}

/** Throws when the bytes are not a message. Unknown fields are left out. */
export function decode(type: string, bytes: Buffer): Message {
  return codecOf(type).read(new Reader(bytes));
}
