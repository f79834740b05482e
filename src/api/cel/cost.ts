/** What standard functions cost when they run (cel-go's interpreter/runtimecost.go). */
import { OptionalValue, ObjectValue, sizeOf, type Value } from "./values.ts";
import { table } from "../../base/table.ts";

/** Of a character that is passed over. */
export const traversal = 0.1;
/** Of a character of a regular expression. */
export const regexFactor = 0.25;

/** Sizes for costs: what has none counts one. */
export function costSize(value: Value): number {
  const size = value instanceof ObjectValue ? value.size : sizeOf(value);
  if (size !== undefined) return size;
  return value instanceof OptionalValue && value.value !== undefined ? costSize(value.value) : 1;
}
export const sizeAt = (args: readonly Value[], i: number): number => costSize(args[i] as Value);
export const traversed = (size: number): number => Math.ceil(size * traversal);

type Cost = (args: readonly Value[], result: Value) => number;
const first: Cost = (args) => traversed(sizeAt(args, 0));
const smaller: Cost = (args) => traversed(Math.min(sizeAt(args, 0), sizeAt(args, 1)));
const both: Cost = (args) => traversed(sizeAt(args, 0) + sizeAt(args, 1));
/** One more than the text's size, so that an empty text is not free. */
export const regexCost = (text: number, pattern: number): number => traversed(1 + text) * Math.ceil(pattern * regexFactor);

const costs = table<Cost>({
  starts_with_string: first,
  ends_with_string: first,
  string_to_bytes: first,
  bytes_to_string: first,
  strings_quote: first,
  string_format: first,
  in_list: (args) => sizeAt(args, 1),
  less_string: smaller,
  greater_string: smaller,
  less_equals_string: smaller,
  greater_equals_string: smaller,
  less_bytes: smaller,
  greater_bytes: smaller,
  less_equals_bytes: smaller,
  greater_equals_bytes: smaller,
  equals: smaller,
  not_equals: smaller,
  add_string: both,
  add_bytes: both,
  matches_string: (args) => regexCost(sizeAt(args, 0), sizeAt(args, 1)),
  contains_string: (args) => traversed(sizeAt(args, 0)) * traversed(sizeAt(args, 1)),
});

/** By the overload that the static types chose; one where they left several or none is known. */
export const standardCost = (overload: string | undefined): Cost | number => (overload !== undefined && costs[overload]) || 1;
