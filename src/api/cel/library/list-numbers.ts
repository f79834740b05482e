/** Order, sums and positions in lists (k8s.io/apiserver/pkg/cel/library/lists.go). */
import { type Library, member, type Overload } from "../declarations.ts";
import { guardOf } from "../guards.ts";
import { listOf, param, type Type, types } from "../types.ts";
import { CelError, compare, Duration, equal, isError, type ListValue, noSuchOverload, UInt, type Value } from "../values.ts";
import { checkedInt, checkedUint } from "./arithmetic.ts";
import { durationOf } from "./time-values.ts";

const { int, uint, double, bool, duration, timestamp, string, bytes } = types;
const comparable: [string, Type][] = Object.entries({ int, uint, double, bool, duration, timestamp, string, bytes });
const sums: [name: string, type: Type, zero: Value, add: (a: never, b: never) => Value][] = [
  ["int", int, 0n, (a: bigint, b: bigint) => checkedInt(a + b)],
  ["uint", uint, new UInt(0n), (a: UInt, b: UInt) => checkedUint(a.value + b.value)],
  ["double", double, 0, (a: number, b: number) => a + b],
  ["duration", duration, new Duration(0n), (a: Duration, b: Duration) => durationOf(a.nanos + b.nanos)],
];

/** What has an order; it stays where it is beside what has another one. */
const isOrdered = (value: Value): boolean => compare(value, value) !== undefined;

function isSorted(list: ListValue): Value {
  let before: Value | undefined;
  for (const item of list) {
    if (!isOrdered(item)) return noSuchOverload;
    if (before !== undefined && (compare(before, item) ?? 0) > 0) return false;
    before = item;
  }
  return true;
}
const extreme =
  (name: string, sign: number) =>
  (list: ListValue): Value => {
    let best: Value | undefined;
    for (const item of list) {
      if (!isOrdered(item)) return noSuchOverload;
      if (best === undefined || (compare(best, item) ?? 0) * sign > 0) best = item;
    }
    return best ?? new CelError(`${name} called on empty list`);
  };
function total(type: Type, zero: Value, add: (a: never, b: never) => Value): (list: ListValue) => Value {
  const fits = guardOf(type);
  return (list) => {
    let sum = zero;
    for (const item of list) {
      if (!fits(item)) return noSuchOverload;
      sum = add(sum as never, item as never);
      if (isError(sum)) return sum;
    }
    return sum;
  };
}
function indexOf(list: ListValue, wanted: Value): bigint {
  for (let i = 0; i < list.size; i++) if (equal(list.at(i), wanted)) return BigInt(i);
  return -1n;
}
function lastIndexOf(list: ListValue, wanted: Value): bigint {
  for (let i = list.size - 1; i >= 0; i--) if (equal(list.at(i), wanted)) return BigInt(i);
  return -1n;
}
const ofEach = (make: (name: string, type: Type) => Overload): Overload[] => comparable.map(([name, type]) => make(name, type));
const a = param("A");

export const listNumbers: Library = {
  functions: {
    isSorted: ofEach((name, type) => member(`list_${name}_is_sorted_bool`, [listOf(type)], bool, isSorted)),
    sum: sums.map(([name, type, zero, add]) => member(`list_${name}_sum_${name}`, [listOf(type)], type, total(type, zero, add))),
    max: ofEach((name, type) => member(`list_${name}_max_${name}`, [listOf(type)], type, extreme("max", -1))),
    min: ofEach((name, type) => member(`list_${name}_min_${name}`, [listOf(type)], type, extreme("min", 1))),
    indexOf: [member("list_a_index_of_int", [listOf(a), a], int, indexOf)],
    lastIndexOf: [member("list_a_last_index_of_int", [listOf(a), a], int, lastIndexOf)],
  },
};
