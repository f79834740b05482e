/** The messages of protocol buffers that CEL knows as values of its own: wrappers, times, and JSON (cel-spec, "Protocol Buffer Data Conversion"). */
import { own } from "../../../base/table.ts";
import type { Library, Struct } from "../declarations.ts";
import { listOf, mapOf, type Type, types } from "../types.ts";
import { ArrayList, CelError, HashMap, UInt, type Value } from "../values.ts";
import { intOverflow, uintOverflow } from "./arithmetic.ts";
import { durationOf, timestampOf } from "./time-values.ts";

type Create = (fields: ReadonlyMap<string, Value>) => Value;
const message = (type: Type, fields: Readonly<Record<string, Type>>, create: Create): Struct => ({
  type,
  field: (name) => own(fields, name),
  create,
});

/** A wrapper is its value; nothing given is the zero, not null. */
const wrapper = (type: Type, plain: Type, zero: Value, check: (value: Value) => Value = (value) => value): Struct =>
  message(type, { value: plain }, (fields) => check(fields.get("value") ?? zero));
const int32 = (value: Value): Value => (BigInt.asIntN(32, value as bigint) === value ? value : intOverflow);
const uint32 = (value: Value): Value => ((value as UInt).value < 2n ** 32n ? value : uintOverflow);

const whole = (fields: ReadonlyMap<string, Value>): bigint =>
  ((fields.get("seconds") ?? 0n) as bigint) * 1_000_000_000n + ((fields.get("nanos") ?? 0n) as bigint);
const secondsAndNanos = { seconds: types.int, nanos: types.int };

const { bool, int, uint, double, string, bytes, dyn } = types;
const [list, map] = [listOf(dyn), mapOf(string, dyn)];
const json: Record<string, Type> = { null_value: int, number_value: double, string_value: string, bool_value: bool, struct_value: map, list_value: list };

/** Numbers of JSON are doubles. */
function jsonOf(fields: ReadonlyMap<string, Value>): Value {
  const [entry, ...more] = fields;
  if (more.length) return new CelError("unsupported conversion: more than one kind of value");
  return !entry || entry[0] === "null_value" ? null : entry[1];
}

export const wellKnown: Library = {
  constants: { "google.protobuf.NullValue.NULL_VALUE": { value: 0n, type: int } },
  structs: {
    "google.protobuf.BoolValue": wrapper(types.nullableBool, bool, false),
    "google.protobuf.BytesValue": wrapper(types.nullableBytes, bytes, new Uint8Array()),
    "google.protobuf.DoubleValue": wrapper(types.nullableDouble, double, 0),
    "google.protobuf.FloatValue": wrapper(types.nullableDouble, double, 0, (value) => Math.fround(value as number)),
    "google.protobuf.Int32Value": wrapper(types.nullableInt, int, 0n, int32),
    "google.protobuf.Int64Value": wrapper(types.nullableInt, int, 0n),
    "google.protobuf.StringValue": wrapper(types.nullableString, string, ""),
    "google.protobuf.UInt32Value": wrapper(types.nullableUint, uint, new UInt(0n), uint32),
    "google.protobuf.UInt64Value": wrapper(types.nullableUint, uint, new UInt(0n)),
    "google.protobuf.Duration": message(types.duration, secondsAndNanos, (fields) => durationOf(whole(fields))),
    "google.protobuf.Timestamp": message(types.timestamp, secondsAndNanos, (fields) => timestampOf(whole(fields))),
    "google.protobuf.Value": message(dyn, json, jsonOf),
    "google.protobuf.ListValue": message(list, { values: list }, (fields) => fields.get("values") ?? new ArrayList([])),
    "google.protobuf.Struct": message(map, { fields: map }, (fields) => fields.get("fields") ?? new HashMap()),
  },
};
