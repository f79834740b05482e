/** The values that protobuf messages are made of: scalars, and the small messages that upstream marshals by hand. */
import type { JSONValue } from "../json.ts";
import { formatTime, parseMicroTime, parseTime } from "../time.ts";
import { DecodeError } from "./decode-error.ts";
import { encodeJSON, parseJSON } from "./json.ts";
import { hasEnvelope } from "./protobuf-envelope.ts";
import { type FieldReader, fields, type ProtoReader, type ProtoWriter, wire } from "./protobuf-wire.ts";
import { table } from "../../base/table.ts";

export interface Value {
  /** Writes with a field number; `null` and `undefined` are Go's zero value. */
  write(writer: ProtoWriter, number: number, value: JSONValue | undefined): void;
  /** A message that was there before goes on. */
  read(reader: ProtoReader, wireType: number, before?: JSONValue): JSONValue;
  wire: number;
}

/** Seconds of Go's zero time. */
const zero = -62_135_596_800;

/** A value that is a message made by hand, of that name in Go: `body` writes its fields in descending order. */
export function handmade(
  name: string,
  body: (writer: ProtoWriter, value: JSONValue | undefined) => void,
  read: (reader: ProtoReader, before?: JSONValue) => JSONValue,
): Value {
  return {
    wire: wire.bytes,
    write(writer, number, value) {
      const end = writer.length;
      body(writer, value);
      writer.header(number, end);
    },
    read: (reader, _, before) => read(reader.message(name), before),
  };
}

const none = new Uint8Array() as Uint8Array;
const timestampFields: readonly FieldReader<{ seconds: number | bigint; nanos: number }>[] = [
  ["Seconds", "int64", "seconds"],
  ["Nanos", "int32", "nanos"],
];
const rawFields: readonly FieldReader<{ raw: Uint8Array }>[] = [["Raw", "data", "raw"]];
const quantityFields: readonly FieldReader<{ text: string }>[] = [["String_", "string", "text"]];
const intOrStringFields: readonly FieldReader<{ kind: number | bigint; number: number; text: string }>[] = [
  ["Type", "int64", "kind"],
  ["IntVal", "int32", "number"],
  ["StrVal", "string", "text"],
];

const integer = (read: (reader: ProtoReader) => number | bigint): Value => ({
  wire: wire.varint,
  write(writer, number, value) {
    if (typeof value === "bigint") writer.varint64(value);
    else writer.varint(typeof value === "number" ? value : 0);
    writer.tag(number, wire.varint);
  },
  read,
});

const string: Value = {
  wire: wire.bytes,
  write: (writer, number, value) => writer.string(number, typeof value === "string" ? value : ""),
  read: (reader) => reader.string(),
};

function timestamp(parse: (text: string) => { seconds: number; nanos: number }, format: (seconds: number, nanos: number) => string): Value {
  return handmade(
    "Timestamp",
    (writer, value) => {
      if (typeof value !== "string") return;
      const { seconds, nanos } = parse(value);
      if (seconds === zero && nanos === 0) return;
      writer.varint(nanos);
      writer.tag(2, wire.varint);
      writer.varint(seconds);
      writer.tag(1, wire.varint);
    },
    (reader) => {
      if (reader.done) return null;
      const read = fields(reader, timestampFields, { seconds: 0 as number | bigint, nanos: 0 });
      const seconds = Number(read.seconds);
      if (Math.abs(seconds) > 253_402_300_799) throw new DecodeError("Time.MarshalJSON: year outside of range [0,9999]");
      return format(seconds, read.nanos);
    },
  );
}

/** A message with JSON text as its only field. */
const rawJSON = (name: string): Value =>
  handmade(
    name,
    (writer, value) => {
      if (value !== null && value !== undefined) writer.data(1, encodeJSON(value));
    },
    (reader) => {
      const { raw } = fields(reader, rawFields, { raw: none });
      if (hasEnvelope(raw)) throw new DecodeError("protobuf inside a raw extension is not supported");
      return raw.length ? parseJSON(raw).value : null;
    },
  );

export const scalarValues = table<Value>({
  string,
  bool: {
    wire: wire.varint,
    write(writer, number, value) {
      writer.byte(value === true ? 1 : 0);
      writer.tag(number, wire.varint);
    },
    read: (reader) => reader.int64() !== 0,
  },
  int32: integer((reader) => reader.int32()),
  int: integer((reader) => reader.int64()),
  int64: integer((reader) => reader.int64()),
  uint8: integer((reader) => reader.int32() & 0xff),
  uint32: integer((reader) => reader.int32() >>> 0),
  uint64: integer((reader) => {
    const unsigned = BigInt.asUintN(64, BigInt(reader.int64()));
    return Number.isSafeInteger(Number(unsigned)) ? Number(unsigned) : unsigned;
  }),
  float64: {
    wire: wire.fixed64,
    write: (writer, number, value) => writer.double(number, typeof value === "number" ? value : Number(value ?? 0)),
    read: (reader) => reader.double(),
  },
  bytes: {
    wire: wire.bytes,
    write: (writer, number, value) => writer.data(number, Buffer.from(typeof value === "string" ? value : "", "base64")),
    read: (reader) => Buffer.from(reader.data()).toString("base64"),
  },
  Time: timestamp(
    (text) => ({ seconds: Math.floor(parseTime(text) / 1000), nanos: 0 }),
    (seconds) => formatTime(seconds * 1000),
  ),
  MicroTime: timestamp(
    (text) => {
      const micros = Math.round(parseMicroTime(text) * 1000);
      const seconds = Math.floor(micros / 1e6);
      return { seconds, nanos: (micros - seconds * 1e6) * 1000 };
    },
    (seconds, nanos) => `${formatTime(seconds * 1000).slice(0, -1)}.${String(Math.trunc(nanos / 1000)).padStart(6, "0")}Z`,
  ),
  Quantity: handmade(
    "Quantity",
    (writer, value) => writer.string(1, typeof value === "string" ? value : "0"),
    (reader) => {
      return fields(reader, quantityFields, { text: "0" }).text;
    },
  ),
  IntOrString: handmade(
    "IntOrString",
    (writer, value) => {
      const text = typeof value === "string";
      writer.string(3, text ? value : "");
      writer.varint(text ? 0 : Number(value ?? 0));
      writer.tag(2, wire.varint);
      writer.varint(text ? 1 : 0);
      writer.tag(1, wire.varint);
    },
    (reader) => {
      const { kind, number, text } = fields(reader, intOrStringFields, { kind: 0 as number | bigint, number: 0, text: "" });
      if (kind !== 0 && kind !== 1) throw new DecodeError("impossible IntOrString.Type");
      return kind === 1 ? text : number;
    },
  ),
  RawExtension: rawJSON("RawExtension"),
  FieldsV1: rawJSON("FieldsV1"),
  JSON: rawJSON("JSON"),
});
