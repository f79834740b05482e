/** `==`, `!=`, `<`, `<=`, `>`, `>=`, and `in`. */
import { type Implementation, type Library, type Overload, overload } from "../declarations.ts";
import { orderings } from "../ordering.ts";
import { listOf, mapOf, param, type Type, types } from "../types.ts";
import { type CelError, compared, type ListValue, type MapValue, noSuchOverload, type Value, uncounted, unequal } from "../values.ts";
import { table } from "../../../base/table.ts";

const { bool, int, uint, double, string, bytes, timestamp, duration } = types;
const [a, b] = [param("A"), param("B")];
const same: [Type, string][] = [
  [bool, "bool"],
  [int, "int64"],
  [uint, "uint64"],
  [double, "double"],
  [string, "string"],
  [bytes, "bytes"],
  [timestamp, "timestamp"],
  [duration, "duration"],
];
const numbers = same.filter(([type]) => type === int || type === uint || type === double);
const different = numbers.flatMap(([x, first]) => numbers.flatMap(([y, second]): [Type, Type, string][] => (x === y ? [] : [[x, y, `${first}_${second}`]])));

const names = table<string>({ "_<_": "less", "_<=_": "less_equals", "_>_": "greater", "_>=_": "greater_equals" });
const eachOrder = (make: (name: string, apply: Implementation) => Overload[]): Record<string, Overload[]> =>
  Object.fromEntries([...orderings].map(([operator, apply]) => [operator, make(names[operator] as string, apply)]));

/** An element that cannot be compared matters only where none is equal. */
const within = (value: Value, list: ListValue): boolean | CelError => {
  let failure: CelError | undefined;
  for (const item of list) {
    const found = compared(item, value);
    if (found === true) return true;
    if (found !== false) failure ??= found;
  }
  return failure ?? false;
};

export const comparison: Library = {
  functions: {
    ...eachOrder((name, apply) => same.map(([type, suffix]) => overload(`${name}_${suffix}`, [type, type], bool, apply))),
    "_==_": [overload("equals", [a, a], bool, compared)],
    "_!=_": [overload("not_equals", [a, a], bool, unequal)],
    "@in": [
      overload("in_list", [a, listOf(a)], bool, within),
      overload("in_map", [a, mapOf(a, b)], bool, (key: Value, map: MapValue) => (map[uncounted] ? noSuchOverload : map.has(key))),
    ],
  },
};

/** Order between ints, uints and doubles that are known to differ in type. */
export const crossTypeComparison: Library = {
  functions: eachOrder((name, apply) => different.map(([x, y, suffix]) => overload(`${name}_${suffix}`, [x, y], bool, apply))),
};
