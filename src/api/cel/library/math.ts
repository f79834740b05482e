/** Least and greatest, rounding, and bits (cel-go's ext.Math). */
import { call, type Expr, list, qualifiedName } from "../ast.ts";
import { type Library, type Overload, overload } from "../declarations.ts";
import type { Macro } from "../macro.ts";
import { listOf, type Type, types } from "../types.ts";
import { CelError, compare, type ListValue, UInt, type Value } from "../values.ts";
import { checkedInt, intOverflow, maxUint, minInt } from "./arithmetic.ts";

const { int, uint, double, bool, dyn } = types;
const numbers: [string, Type][] = [
  ["double", double],
  ["int", int],
  ["uint", uint],
];

const better =
  (sign: number) =>
  (a: Value, b: Value): Value =>
    (compare(a, b) as number) * sign > 0 ? b : a;
function best(name: string, sign: number): (values: ListValue) => Value {
  const choose = better(sign);
  return (values) => {
    let found: Value | undefined;
    for (const value of values) {
      if (typeof value !== "bigint" && typeof value !== "number" && !(value instanceof UInt)) return new CelError(`no such overload: ${name}`);
      found = found === undefined ? value : choose(found, value);
    }
    return found ?? new CelError(`${name}(list) argument must not be empty`);
  };
}
function extreme(name: string, sign: number): Overload[] {
  const id = name.replace("math.", "math_");
  return [
    ...numbers.map(([suffix, type]) => overload(`${id}_${suffix}`, [type], type, (value: Value) => value)),
    ...numbers.flatMap(([x, a]) => numbers.map(([y, b]) => overload(`${id}_${x}_${y}`, [a, b], a === b ? a : dyn, better(sign)))),
    ...numbers.map(([suffix, type]) => overload(`${id}_list_${suffix}`, [listOf(type)], type, best(name, sign))),
  ];
}

/** math.least(a, b, ...): a list when there are more than two. */
const choice =
  (name: string, target: string): Macro =>
  ({ at, target: on, args }, fail) => {
    if (!on || qualifiedName(on) !== "math") return undefined;
    if (args.length === 0) return fail(`math.${name}() requires at least one argument`, on.at);
    for (const argument of args) {
      const literal =
        argument.kind === "literal" && typeof argument.value !== "bigint" && typeof argument.value !== "number" && !(argument.value instanceof UInt);
      if (args.length === 1 && (literal || ["map", "struct"].includes(argument.kind))) fail(`math.${name}() invalid single argument value`, argument.at);
      if (literal || ["list", "map", "struct"].includes(argument.kind) !== (args.length === 1 && argument.kind === "list"))
        fail(`math.${name}() simple literal arguments must be numeric`, argument.at);
    }
    return args.length <= 2 ? call(at, target, ...(args as Expr[])) : call(at, target, list(at, args));
  };

const doubles = (name: string, apply: (value: number) => number): Overload[] => [overload(`math_${name}_double`, [double], double, apply)];
const tests = (name: string, apply: (value: number) => boolean): Overload[] => [overload(`math_${name}_double`, [double], bool, apply)];
/** Half away from zero. */
const round = (value: number): number => (Number.isFinite(value) ? Math.trunc(value + Math.sign(value) * 0.5) : value);
const signed = (bits: bigint): bigint => BigInt.asIntN(64, bits);
const unsigned = (bits: bigint): UInt => new UInt(BigInt.asUintN(64, bits));

function bits(name: string, apply: (a: bigint, b: bigint) => bigint): Overload[] {
  return [
    overload(`math_${name}_int_int`, [int, int], int, (a: bigint, b: bigint) => signed(apply(a, b))),
    overload(`math_${name}_uint_uint`, [uint, uint], uint, (a: UInt, b: UInt) => unsigned(apply(a.value, b.value))),
  ];
}
function shift(name: string, apply: (a: bigint, by: bigint) => bigint): Overload[] {
  const by = (offset: bigint, compute: () => Value): Value => (offset < 0n ? new CelError(`math.${name}() negative offset: ${offset}`) : compute());
  return [
    overload(`math_${name}_int_int`, [int, int], int, (a: bigint, n: bigint) => by(n, () => (n > 63n ? 0n : signed(apply(BigInt.asUintN(64, a), n))))),
    overload(`math_${name}_uint_int`, [uint, int], uint, (a: UInt, n: bigint) => by(n, () => (n > 63n ? new UInt(0n) : unsigned(apply(a.value, n))))),
  ];
}
const sign = (value: bigint): bigint => (value > 0n ? 1n : value < 0n ? -1n : 0n);

export const math: Library = {
  macros: { "least:1:*": choice("least", "math.@min"), "greatest:1:*": choice("greatest", "math.@max") },
  functions: {
    "math.@min": extreme("math.@min", 1),
    "math.@max": extreme("math.@max", -1),
    "math.ceil": doubles("ceil", Math.ceil),
    "math.floor": doubles("floor", Math.floor),
    "math.round": doubles("round", round),
    "math.trunc": doubles("trunc", Math.trunc),
    "math.isInf": tests("isInf", (value) => Math.abs(value) === Number.POSITIVE_INFINITY),
    "math.isNaN": tests("isNaN", Number.isNaN),
    "math.isFinite": tests("isFinite", Number.isFinite),
    "math.abs": [
      ...doubles("abs", Math.abs),
      overload("math_abs_int", [int], int, (value: bigint) => (value === minInt ? intOverflow : checkedInt(value < 0n ? -value : value))),
      overload("math_abs_uint", [uint], uint, (value: UInt) => value),
    ],
    "math.sign": [
      ...doubles("sign", Math.sign),
      overload("math_sign_int", [int], int, sign),
      overload("math_sign_uint", [uint], uint, ({ value }: UInt) => new UInt(sign(value))),
    ],
    "math.sqrt": [
      ...doubles("sqrt", Math.sqrt),
      overload("math_sqrt_int", [int], double, (value: bigint) => Math.sqrt(Number(value))),
      overload("math_sqrt_uint", [uint], double, ({ value }: UInt) => Math.sqrt(Number(value))),
    ],
    "math.bitAnd": bits("bitAnd", (a, b) => a & b),
    "math.bitOr": bits("bitOr", (a, b) => a | b),
    "math.bitXor": bits("bitXor", (a, b) => a ^ b),
    "math.bitNot": [
      overload("math_bitNot_int_int", [int], int, (value: bigint) => ~value),
      overload("math_bitNot_uint_uint", [uint], uint, ({ value }: UInt) => new UInt(maxUint ^ value)),
    ],
    "math.bitShiftLeft": shift("bitShiftLeft", (a, by) => a << by),
    "math.bitShiftRight": shift("bitShiftRight", (a, by) => a >> by),
  },
};
