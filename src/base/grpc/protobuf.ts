/**
 * Protobuf (proto3) driven by data: what tools/schema/proto.ts reads from a .proto file. 64-bit integers are numbers: what
 * these interfaces carry in them (bytes, shares, nanoseconds since the epoch) may lose its last bits beyond 2^53. Each
 * message's table is compiled to closures at first use.
 */
import { Reader, Writer } from "./wire.ts";
import { table } from "../table.ts";

export type Message = Record<string, unknown>;
/** `optional`: a scalar whose presence is told apart from its zero. */
type Shape = "one" | "optional" | "many" | "map";
type Fact = [number: number, name: string, type: string, shape: Shape];

/** One .proto file as data. */
export interface ProtoFacts {
  /** What names of services begin with on the wire. */
  package: string;
  services: Record<string, Record<string, [request: string, response: string, stream: boolean]>>;
  enums: Record<string, Record<string, number>>;
  messages: Record<string, Fact[]>;
}

interface Scalar {
  wireType: number;
  zero: unknown;
  write(writer: Writer, value: never): void;
  read(reader: Reader): unknown;
}
const number: Scalar = { wireType: 0, zero: 0, write: (w, v: number) => w.varint(v), read: (r) => r.varint() };
const scalars = table<Scalar>({
  int32: number,
  int64: number,
  uint32: number,
  uint64: number,
  bool: { wireType: 0, zero: false, write: (w, v: boolean) => w.varint(v ? 1 : 0), read: (r) => r.varint() !== 0 },
  double: { wireType: 1, zero: 0, write: (w, v: number) => w.double(v), read: (r) => r.double() },
  string: { wireType: 2, zero: "", write: (w, v: string) => w.text(v), read: (r) => r.text() },
  bytes: { wireType: 2, zero: new Uint8Array(), write: (w, v: Uint8Array) => w.bytes(v), read: (r) => r.bytes() },
});

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

interface Codec {
  write(writer: Writer, message: Message): void;
  read(reader: Reader): Message;
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

/** A message as the value of a map: left out, it is the empty message. */
const nestedScalar = (codec: Codec): Scalar => ({
  wireType: 2,
  get zero() {
    return codec.read(new Reader(Buffer.alloc(0)));
  },
  write: (writer, value: Message) => writeNested(writer, codec, value),
  read: (reader) => codec.read(reader.nested()),
});

/** Encodes and decodes the messages of one .proto file. */
export class Protobuf {
  readonly facts: ProtoFacts;
  readonly #codecs = new Map<string, Codec>();
  constructor(facts: ProtoFacts) {
    this.facts = facts;
  }
  /** Bytes of `message`. Throws for unknown fields and enum values, so that no misspelling is lost. */
  encode(type: string, message: Message): Buffer {
    const writer = new Writer();
    this.#codecOf(type).write(writer, message);
    return writer.done();
  }
  /** Throws when the bytes are not a message. Unknown fields are left out. */
  decode(type: string, bytes: Buffer): Message {
    return this.#codecOf(type).read(new Reader(bytes));
  }
  #scalarOf(type: string): Scalar | undefined {
    const values = this.facts.enums[type];
    return values ? enumScalar(type, values) : scalars[type];
  }
  #codecOf(type: string): Codec {
    const known = this.#codecs.get(type);
    if (known) return known;
    const fields = this.facts.messages[type];
    if (!fields) throw new Error(`${type} is not a message of ${this.facts.package}`);
    const codec: Codec = { write: () => {}, read: () => ({}) };
    this.#codecs.set(type, codec);
    const compiled = fields.map((fact) => this.#compileField(fact));
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
  #compileField([number, name, type, shape]: Fact): CompiledField {
    const scalar = this.#scalarOf(type);
    const nested = scalar ? undefined : this.#codecOf(type);
    const tag = number * 8 + (scalar?.wireType ?? 2);
    const writeOne = (writer: Writer, value: unknown): void => {
      writer.varint(tag);
      if (scalar) scalar.write(writer, value as never);
      else writeNested(writer, nested as Codec, value as Message);
    };
    const readOne = (reader: Reader): unknown => (scalar ? scalar.read(reader) : (nested as Codec).read(reader.nested()));
    if (shape === "map") return compileMap(number, name, scalar ?? nestedScalar(nested as Codec));
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
      initial: scalar && shape === "one" ? () => scalar.zero : undefined,
      write(writer, value) {
        if (!scalar || shape === "optional" || (value !== scalar.zero && !(type === "bytes" && (value as Uint8Array).length === 0))) writeOne(writer, value);
      },
      read(reader, _, into) {
        into[name] = readOne(reader);
      },
    };
  }
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
      let item: unknown;
      while (inner.at < inner.end) {
        const tag = inner.varint();
        if (tag >> 3 === 1) key = inner.text();
        else if (tag >> 3 === 2) item = value.read(inner);
        else inner.skip(tag % 8);
      }
      (into[name] as Record<string, unknown>)[key] = item === undefined ? value.zero : item;
    },
  };
}
