/** Parts, order and shape of lists (cel-go's ext.Lists, version 3). */
import { type Expr, ident, list, literal, memberCall } from "../ast.ts";
import { type Library, member, ofAnyElements, type Overload, overload } from "../declarations.ts";
import { type Macro, standardMacros } from "../macro.ts";
import { listOf, param, type Type, types } from "../types.ts";
import { ArrayList, CelError, compare, equal, ListValue, typeOfValue, type Value } from "../values.ts";

const { int, uint, double, bool, duration, timestamp, string, bytes, dyn } = types;
const comparable: readonly Type[] = [int, uint, double, bool, duration, timestamp, string, bytes];
const of = listOf(param("T"));

function slice(values: ListValue, start: bigint, end: bigint): Value {
  const fail = (why: string): Value => new CelError(`cannot slice(${start}, ${end}), ${why}`);
  if (start < 0n || end < 0n) return fail("negative indexes not supported");
  if (start > end) return fail("start index must be less than or equal to end index");
  if (end > values.size) return fail(`list is length ${values.size}`);
  return new ArrayList([...values].slice(Number(start), Number(end)));
}
function* flat(values: ListValue, depth: bigint): Iterable<Value> {
  for (const value of values) {
    if (value instanceof ListValue && depth > 0n) yield* flat(value, depth - 1n);
    else yield value;
  }
}
const flatten = (values: ListValue, depth = 1n): Value => (depth < 0n ? new CelError("level must be non-negative") : new ArrayList([...flat(values, depth)]));

function sortByKeys(values: ListValue, keys: ListValue): Value {
  if (values.size !== keys.size)
    return new CelError(
      `@sortByAssociatedKeys() expected a list of the same size as the associated keys list, but got ${values.size} and ${keys.size} elements respectively`,
    );
  const all = [...keys];
  const [first] = all;
  if (first === undefined) return values;
  if (compare(first, first) === undefined) return new CelError("list elements must be comparable");
  const { name } = typeOfValue(first);
  if (all.some((key) => typeOfValue(key).name !== name)) return new CelError("list elements must have the same type");
  const order = all.map((_, i) => i).sort((i, j) => compare(all[i] as Value, all[j] as Value) as number);
  return new ArrayList(order.map((i) => values.at(i)));
}
const sort = (values: ListValue): Value => sortByKeys(values, values);

function distinct(values: ListValue): Value {
  const found: Value[] = [];
  for (const value of values) if (!found.some((other) => equal(other, value))) found.push(value);
  return new ArrayList(found);
}
const maxRange = 10_000_000n;
function range(count: bigint): Value {
  if (count > maxRange) return new CelError(`lists.range(${count}) is too large`);
  return new ArrayList(Array.from({ length: Math.max(0, Number(count)) }, (_, i) => BigInt(i)));
}
const ofEach = (make: (type: Type) => Overload): Overload[] => comparable.map(make);

const input = "@__sortBy_input__";
const sortBy: Macro = (made, fail) => {
  const { at, target } = made;
  if (!target || ["literal", "map", "struct"].includes(target.kind))
    fail("sortBy can only be applied to a list, identifier, comprehension, call or select expression", target?.at ?? at);
  const keys = standardMacros["map:1:2"]?.({ ...made, target: ident(at, input) }, fail) as Expr;
  return {
    kind: "comprehension",
    at,
    range: list(at, []),
    variable: "#unused",
    accumulator: input,
    initial: target as Expr,
    condition: literal(at, false),
    step: ident(at, input),
    result: memberCall(at, "@sortByAssociatedKeys", ident(at, input), keys),
  };
};

export const lists: Library = {
  macros: { "sortBy:1:2": sortBy },
  functions: {
    slice: [member("list_slice", [of, int, int], of, slice)],
    flatten: ofAnyElements([member("list_flatten", [listOf(of)], of, flatten), member("list_flatten_int", [listOf(dyn), int], listOf(dyn), flatten)]),
    sort: ofAnyElements(ofEach((type) => member(`list_${type.name}_sort`, [listOf(type)], listOf(type), sort))),
    "@sortByAssociatedKeys": ofAnyElements(ofEach((type) => member(`list_${type.name}_sortByAssociatedKeys`, [of, listOf(type)], of, sortByKeys))),
    "lists.range": [overload("lists_range", [int], listOf(int), range)],
    reverse: [member("list_reverse", [of], of, (values: ListValue) => new ArrayList([...values].reverse()))],
    distinct: [member("list_distinct", [of], of, distinct)],
  },
};
