/** Values that may be absent: `a.?b`, `optional.of(x)`, `orValue` (cel-spec, "Optional"). */
import { type Call, call, type Expr, ident, list, literal, memberCall } from "../ast.ts";
import { type Library, member, overload } from "../declarations.ts";
import { type Fail, type Macro, variable } from "../macro.ts";
import { anyOptional, listOf, mapOf, optionalOf, param, types } from "../types.ts";
import { ArrayList, CelError, Duration, ListValue, MapValue, none, ObjectValue, OptionalValue, show, Timestamp, UInt, type Value } from "../values.ts";

const { int, bool, string, dyn } = types;
const [k, v] = [param("K"), param("V")];
const [optional, list_, map] = [optionalOf(v), listOf(v), mapOf(k, v)];

function isZero(value: Value): boolean {
  if (value === null || value === false || value === 0n || value === 0 || value === "") return true;
  if (value instanceof ListValue || value instanceof MapValue) return value.size === 0;
  if (value instanceof Uint8Array) return value.length === 0;
  if (value instanceof UInt) return value.value === 0n;
  if (value instanceof Duration) return value.nanos === 0n;
  if (value instanceof Timestamp) return value.nanos === -62_135_596_800_000_000_000n;
  if (value instanceof OptionalValue) return value.value === undefined;
  return value instanceof ObjectValue && value.isZero();
}

function unwrap(values: ListValue): Value {
  const found: Value[] = [];
  for (const value of values) {
    if (!(value instanceof OptionalValue)) return new CelError(`value ${show(value)} is not optional`);
    if (value.value !== undefined) found.push(value.value);
  }
  return new ArrayList(found);
}

const elementAt = (of: ListValue, index: number): OptionalValue => (of.size ? new OptionalValue(of.at(index)) : none);
/** Selections are planned as such; this is only what they are declared as. */
const selected = (): Value => new CelError("no such overload");

/** The expression with the name bound to the value of the target, where it has one. */
const mapping =
  (wrap: (at: number, mapped: Expr) => Expr): Macro =>
  ({ at, target, args: [name, mapped], name: macro }: Call, fail: Fail) =>
    call(
      at,
      "_?_:_",
      memberCall(at, "hasValue", target as Expr),
      wrap(at, {
        kind: "comprehension",
        at,
        range: list(at, []),
        variable: "#unused",
        accumulator: variable(name as Expr, fail, `${macro}() variable name must be a simple identifier`),
        initial: memberCall(at, "value", target as Expr),
        condition: literal(at, false),
        step: ident(at, (name as { name: string }).name),
        result: mapped as Expr,
      }),
      call(at, "optional.none"),
    );

export const optionals: Library = {
  optionalSyntax: true,
  types: [anyOptional],
  macros: {
    "optMap:1:2": mapping((at, mapped) => call(at, "optional.of", mapped)),
    "optFlatMap:1:2": mapping((_, mapped) => mapped),
  },
  functions: {
    "optional.of": [overload("optional_of", [v], optional, (value: Value) => new OptionalValue(value))],
    "optional.ofNonZeroValue": [overload("optional_ofNonZeroValue", [v], optional, (value: Value) => (isZero(value) ? none : new OptionalValue(value)))],
    "optional.none": [overload("optional_none", [], optional, () => none)],
    value: [member("optional_value", [optional], v, ({ value }: OptionalValue) => (value === undefined ? new CelError("optional.none() dereference") : value))],
    hasValue: [member("optional_hasValue", [optional], bool, ({ value }: OptionalValue) => value !== undefined)],
    or: [member("optional_or_optional", [optional, optional], optional, selected)],
    orValue: [member("optional_orValue_value", [optional, v], v, selected)],
    "_?._": [overload("select_optional_field", [dyn, string], optional, selected)],
    "_[?_]": [
      overload("list_optindex_optional_int", [list_, int], optional, selected),
      overload("optional_list_optindex_optional_int", [optionalOf(list_), int], optional, selected),
      overload("map_optindex_optional_value", [map, k], optional, selected),
      overload("optional_map_optindex_optional_value", [optionalOf(map), k], optional, selected),
    ],
    "_[_]": [
      overload("optional_list_index_int", [optionalOf(list_), int], optional, selected),
      overload("optional_map_index_value", [optionalOf(map), k], optional, selected),
    ],
    last: [member("list_last", [list_], optional, (of: ListValue) => elementAt(of, of.size - 1))],
    first: [member("list_first", [list_], optional, (of: ListValue) => elementAt(of, 0))],
    "optional.unwrap": [overload("optional_unwrap", [listOf(optional)], list_, unwrap)],
    unwrapOpt: [member("optional_unwrapOpt", [listOf(optional)], list_, unwrap)],
  },
};
