/** Operators on numbers, and `+` on what can be joined. Overflows are errors (cel-spec, "Numeric Values"). */
import { type Library, type Overload, overload } from "../declarations.ts";
import { listOf, param, types } from "../types.ts";
import { CelError, type ListValue, UInt, type Value } from "../values.ts";

const { int, uint, double, string, bytes, bool } = types;
const lists = listOf(param("A"));

export const maxInt = 2n ** 63n - 1n;
export const minInt = -(2n ** 63n);
export const maxUint = 2n ** 64n - 1n;

export const intOverflow = new CelError("integer overflow");
export const uintOverflow = new CelError("unsigned integer overflow");
const divisionByZero = new CelError("division by zero");
const modulusByZero = new CelError("modulus by zero");

export const checkedInt = (value: bigint): bigint | CelError => (value > maxInt || value < minInt ? intOverflow : value);
export const checkedUint = (value: bigint): UInt | CelError => (value > maxUint || value < 0n ? uintOverflow : new UInt(value));

type Apply<T> = (a: T, b: T) => T | CelError;
const ints = (id: string, apply: Apply<bigint>): Overload =>
  overload(id, [int, int], int, (a: bigint, b: bigint) => {
    const result = apply(a, b);
    return result instanceof CelError ? result : checkedInt(result);
  });
const uints = (id: string, apply: Apply<bigint>): Overload =>
  overload(id, [uint, uint], uint, (a: UInt, b: UInt) => {
    const result = apply(a.value, b.value);
    return result instanceof CelError ? result : checkedUint(result);
  });
const doubles = (id: string, apply: (a: number, b: number) => number): Overload => overload(id, [double, double], double, apply);

function joinBytes(a: Uint8Array, b: Uint8Array): Uint8Array {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}

const quotient: Apply<bigint> = (a, b) => (b === 0n ? divisionByZero : a / b);
const remainder: Apply<bigint> = (a, b) => (b === 0n ? modulusByZero : a === minInt && b === -1n ? intOverflow : a % b);

export const arithmetic: Library = {
  functions: {
    "_+_": [
      overload("add_bytes", [bytes, bytes], bytes, joinBytes),
      doubles("add_double", (a, b) => a + b),
      ints("add_int64", (a, b) => a + b),
      overload("add_list", [lists, lists], lists, (a: ListValue, b: ListValue) => a.plus(b)),
      overload("add_string", [string, string], string, (a: string, b: string) => a + b),
      uints("add_uint64", (a, b) => a + b),
    ],
    "_-_": [doubles("subtract_double", (a, b) => a - b), ints("subtract_int64", (a, b) => a - b), uints("subtract_uint64", (a, b) => a - b)],
    "_*_": [doubles("multiply_double", (a, b) => a * b), ints("multiply_int64", (a, b) => a * b), uints("multiply_uint64", (a, b) => a * b)],
    "_/_": [doubles("divide_double", (a, b) => a / b), ints("divide_int64", quotient), uints("divide_uint64", quotient)],
    "_%_": [ints("modulo_int64", remainder), uints("modulo_uint64", remainder)],
    "-_": [overload("negate_double", [double], double, (a: number) => -a), overload("negate_int64", [int], int, (a: bigint): Value => checkedInt(-a))],
    "!_": [overload("logical_not", [bool], bool, (a: boolean) => !a)],
  },
};
