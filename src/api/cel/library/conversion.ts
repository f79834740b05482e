/** Conversions by a type's name: `int("12")`, `string(1.5)`, `type(x)`, `dyn(x)`. */
import { parseGoBool } from "../../go-bool.ts";
import { goFloat } from "../../go-float.ts";
import { TimeError } from "../../time.ts";
import { type Library, type Overload, overload } from "../declarations.ts";
import { param, type Type, typeOf, types } from "../types.ts";
import { CelError, type Duration, typeOfValue, type UInt, type Value } from "../values.ts";
import { checkedInt, checkedUint, intOverflow, uintOverflow } from "./arithmetic.ts";
import { formatDuration, formatTimestamp, parseDuration, parseTimestamp, secondsOf, timestampOf } from "./time-values.ts";

const { int, uint, double, string, bytes, bool, timestamp, duration, dyn } = types;
const a = param("A");

const failure = (from: Type, to: Type): CelError => new CelError(`type conversion error from '${from.name}' to '${to.name}'`);
const identity = (name: string, type: Type): Overload => overload(`${name}_to_${name}`, [type], type, (value: Value) => value);

/** A value of the text, or the usual complaint. */
const read =
  (to: Type, parse: (text: string) => Value | undefined) =>
  (text: string): Value => {
    try {
      return parse(text) ?? failure(string, to);
    } catch (error) {
      if (error instanceof TimeError) return failure(string, to);
      throw error;
    }
  };

function truncated(value: number): bigint | undefined {
  return Number.isFinite(value) ? BigInt(Math.trunc(value)) : undefined;
}
const doubleToInt = (value: number): Value => (value <= -(2 ** 63) || value >= 2 ** 63 ? intOverflow : (truncated(value) ?? intOverflow));
function doubleToUint(value: number): Value {
  const whole = value < 0 ? undefined : truncated(value);
  return whole === undefined ? uintOverflow : checkedUint(whole);
}
function parseFloat64(text: string): number | undefined {
  const special = /^([+-]?)(inf|infinity|nan)$/i.exec(text);
  if (special) return /nan/i.test(special[2] as string) ? Number.NaN : Number(`${special[1]}Infinity`);
  if (!/^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}
function inRange(value: bigint, check: (value: bigint) => Value): Value | undefined {
  const checked = check(value);
  return checked instanceof CelError ? undefined : checked;
}
function decode(value: Uint8Array): Value {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value);
  } catch {
    return new CelError("invalid UTF-8 in bytes, cannot convert to string");
  }
}
const text = (id: string, type: Type, write: (value: never) => Value): Overload => overload(id, [type], string, write);

export const conversion: Library = {
  functions: {
    type: [overload("type", [a], typeOf(a), typeOfValue)],
    dyn: [overload("to_dyn", [a], dyn, (value: Value) => value)],
    bool: [identity("bool", bool), overload("string_to_bool", [string], bool, read(bool, parseGoBool))],
    bytes: [identity("bytes", bytes), overload("string_to_bytes", [string], bytes, (value: string) => new TextEncoder().encode(value))],
    double: [
      identity("double", double),
      overload("int64_to_double", [int], double, (value: bigint) => Number(value)),
      overload("string_to_double", [string], double, read(double, parseFloat64)),
      overload("uint64_to_double", [uint], double, (value: UInt) => Number(value.value)),
    ],
    int: [
      overload("int64_to_int64", [int], int, (value: bigint) => value),
      overload("double_to_int64", [double], int, doubleToInt),
      overload("duration_to_int64", [duration], int, (value: Duration) => value.nanos),
      overload(
        "string_to_int64",
        [string],
        int,
        read(int, (value) => (/^[+-]?\d+$/.test(value) ? inRange(BigInt(value.replace(/^\+/, "")), checkedInt) : undefined)),
      ),
      overload("timestamp_to_int64", [timestamp], int, secondsOf),
      overload("uint64_to_int64", [uint], int, (value: UInt) => checkedInt(value.value)),
    ],
    uint: [
      overload("uint64_to_uint64", [uint], uint, (value: UInt) => value),
      overload("double_to_uint64", [double], uint, doubleToUint),
      overload("int64_to_uint64", [int], uint, checkedUint),
      overload(
        "string_to_uint64",
        [string],
        uint,
        read(uint, (value) => (/^\d+$/.test(value) ? inRange(BigInt(value), checkedUint) : undefined)),
      ),
    ],
    string: [
      identity("string", string),
      text("bool_to_string", bool, (value: boolean) => String(value)),
      text("bytes_to_string", bytes, decode),
      text("double_to_string", double, goFloat),
      text("duration_to_string", duration, formatDuration),
      text("int64_to_string", int, (value: bigint) => String(value)),
      text("timestamp_to_string", timestamp, formatTimestamp),
      text("uint64_to_string", uint, (value: UInt) => String(value.value)),
    ],
    duration: [
      identity("duration", duration),
      // Declared, and nowhere done.
      overload("int64_to_duration", [int], duration, () => failure(int, duration)),
      overload("string_to_duration", [string], duration, read(duration, parseDuration)),
    ],
    timestamp: [
      identity("timestamp", timestamp),
      overload("int64_to_timestamp", [int], timestamp, (value: bigint) => timestampOf(value * 1_000_000_000n)),
      overload("string_to_timestamp", [string], timestamp, read(timestamp, parseTimestamp)),
    ],
  },
};
