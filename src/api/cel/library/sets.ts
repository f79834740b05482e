/** Lists as sets (cel-go's ext.Sets). */
import { type Library, overload } from "../declarations.ts";
import { listOf, param, types } from "../types.ts";
import { equal, type ListValue, type Value } from "../values.ts";

const { bool } = types;
const of = listOf(param("T"));

const holds = (list: ListValue, value: Value): boolean => {
  for (const item of list) if (equal(item, value)) return true;
  return false;
};
const contains = (list: ListValue, part: ListValue): boolean => [...part].every((value) => holds(list, value));

export const sets: Library = {
  functions: {
    "sets.contains": [overload("list_sets_contains_list", [of, of], bool, contains)],
    "sets.equivalent": [overload("list_sets_equivalent_list", [of, of], bool, (a: ListValue, b: ListValue) => contains(a, b) && contains(b, a))],
    "sets.intersects": [overload("list_sets_intersects_list", [of, of], bool, (a: ListValue, b: ListValue) => [...a].some((value) => holds(b, value)))],
  },
};
