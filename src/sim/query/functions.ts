/** Functions of queries, by name and number of arguments as jq's manual writes them: `test/1`. */
import { isMap } from "../../api/json.ts";
import { add, compare, EvaluationError, type Filter, iterate, textOf, truthy, typeOf, unusable } from "./values.ts";
import { table } from "../../base/table.ts";

type Build = (...filters: Filter[]) => Filter;

const of =
  (apply: (input: unknown) => unknown): Build =>
  () =>
  (input) => [apply(input)];

/** Each value of each argument, as jq does. */
const withValue =
  (apply: (input: unknown, argument: unknown) => unknown): Build =>
  (argument) =>
  (input) =>
    (argument as Filter)(input).map((value) => apply(input, value));

function text(value: unknown): string {
  if (typeof value === "string") return value;
  throw unusable;
}
function list(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  throw unusable;
}

function lengthOf(input: unknown): number {
  if (input === null || input === undefined) return 0;
  if (typeof input === "string") return [...input].length;
  if (typeof input === "number") return Math.abs(input);
  if (typeof input === "object") return Object.keys(input).length;
  throw unusable;
}

function toNumber(input: unknown): number {
  const value = typeof input === "string" && input.trim() === input && input !== "" ? Number(input) : input;
  if (typeof value !== "number" || !Number.isFinite(value)) throw unusable;
  return value;
}

function contains(a: unknown, b: unknown): boolean {
  if (typeof a === "string" && typeof b === "string") return a.includes(b);
  if (Array.isArray(a) && Array.isArray(b)) return b.every((y) => a.some((x) => typeOf(x) === typeOf(y) && contains(x, y)));
  if (isMap(a) && isMap(b)) return Object.entries(b).every(([key, y]) => Object.hasOwn(a, key) && contains(a[key], y));
  if (typeOf(a) !== typeOf(b)) throw unusable;
  return compare(a, b) === 0;
}

/** A literal pattern is compiled once. */
const compiled = new Map<string, RegExp>();
export function pattern(source: string, flags = ""): RegExp {
  const key = `${flags}/${source}`;
  let found = compiled.get(key);
  if (!found) {
    try {
      found = new RegExp(source, `u${flags.includes("i") ? "i" : ""}${flags.includes("s") ? "s" : ""}${flags.includes("g") ? "g" : ""}`);
    } catch (error) {
      throw new EvaluationError((error as Error).message);
    }
    if (compiled.size >= 1000) compiled.clear();
    compiled.set(key, found);
  }
  found.lastIndex = 0;
  return found;
}

const matches: Build = (source, flags) => (input) =>
  (source as Filter)(input).flatMap((re) =>
    (flags?.(input) ?? [""]).map((f) => (Array.isArray(re) ? pattern(text(re[0]), text(re[1] ?? "")) : pattern(text(re), text(f ?? ""))).test(text(input))),
  );

const capture: Build = (source) => (input) =>
  (source as Filter)(input).flatMap((re) => {
    const found = pattern(text(re)).exec(text(input));
    return found ? [Object.fromEntries(Object.entries(found.groups ?? {}).map(([name, value]) => [name, value ?? null]))] : [];
  });

const some =
  (whole: (values: unknown[]) => boolean): Build =>
  (...filters) => {
    const [values, condition] = filters.length === 2 ? (filters as [Filter, Filter]) : [iterate, filters[0] ?? ((input: unknown) => [input])];
    return (input) => [whole(values(input).flatMap(condition))];
  };
const any = some((values) => values.some(truthy));
const all = some((values) => values.every(truthy));

const joined = (input: unknown, separator: unknown): string =>
  list(input)
    .map((item) => {
      if (typeof item === "object" && item !== null) throw unusable;
      return item === null || item === undefined ? "" : textOf(item);
    })
    .join(text(separator));

const sorted = (input: unknown): unknown[] => list(input).toSorted(compare);
const keys = (input: unknown): unknown[] => (isMap(input) ? Object.keys(input).sort() : [...list(input).keys()]);

export const functions = table<Build>({
  "not/0": of((input) => !truthy(input)),
  "length/0": of(lengthOf),
  "empty/0": () => () => [],
  "select/1": (condition) => (input) => (condition as Filter)(input).flatMap((value) => (truthy(value) ? [input] : [])),
  "map/1": (each) => (input) => [iterate(input).flatMap(each as Filter)],
  "any/0": any,
  "any/1": any,
  "any/2": any,
  "all/0": all,
  "all/1": all,
  "all/2": all,
  "first/0": of((input) => list(input)[0] ?? null),
  "first/1": (values) => (input) => (values as Filter)(input).slice(0, 1),
  "last/0": of((input) => list(input).at(-1) ?? null),
  "last/1": (values) => (input) => (values as Filter)(input).slice(-1),
  "add/0": of((input) => iterate(input).reduce(add, null)),
  "add/1": (values) => (input) => [(values as Filter)(input).reduce(add, null)],
  "min/0": of((input) => sorted(input)[0] ?? null),
  "max/0": of((input) => sorted(input).at(-1) ?? null),
  "sort/0": of(sorted),
  "unique/0": of((input) => sorted(input).filter((item, i, items) => i === 0 || compare(items[i - 1], item) !== 0)),
  "reverse/0": of((input) => (typeof input === "string" ? [...input].reverse().join("") : list(input ?? []).toReversed())),
  "keys/0": of(keys),
  "to_entries/0": of((input) => keys(input).map((key) => ({ key, value: (input as Record<string, unknown>)[key as string] }))),
  "has/1": withValue((input, key) => (isMap(input) ? Object.hasOwn(input, text(key)) : toNumber(key) >= 0 && toNumber(key) < list(input).length)),
  "contains/1": withValue(contains),
  "type/0": of(typeOf),
  "floor/0": of((input) => Math.floor(toNumber(input))),
  "tostring/0": of(textOf),
  "tonumber/0": of(toNumber),
  "ascii_downcase/0": of((input) => text(input).replaceAll(/[A-Z]/g, (c) => c.toLowerCase())),
  "ascii_upcase/0": of((input) => text(input).replaceAll(/[a-z]/g, (c) => c.toUpperCase())),
  "startswith/1": withValue((input, start) => text(input).startsWith(text(start))),
  "endswith/1": withValue((input, end) => text(input).endsWith(text(end))),
  "ltrimstr/1": withValue((input, start) =>
    typeof input === "string" && typeof start === "string" && input.startsWith(start) ? input.slice(start.length) : input,
  ),
  "rtrimstr/1": withValue((input, end) =>
    typeof input === "string" && typeof end === "string" && end && input.endsWith(end) ? input.slice(0, -end.length) : input,
  ),
  "split/1": withValue((input, separator) => text(input).split(text(separator))),
  "join/1": withValue(joined),
  "test/1": matches,
  "test/2": matches,
  "capture/1": capture,
});
