/** How jq looks at values: types, truth, order, text. `undefined` is null everywhere. */
import { isMap } from "../../api/json.ts";
import { table, own } from "../../base/table.ts";

/** A query that meets a value that it cannot use gives nothing, as in kwok. */
export class EvaluationError extends Error {}
/** One for all: many queries of many objects end so, nobody reads why, and what an Error costs is its stack. */
export const unusable = new EvaluationError("a value that the query cannot use");

/** All results for one input. */
export type Filter = (input: unknown) => unknown[];

export const truthy = (value: unknown): boolean => value !== false && value !== null && value !== undefined;

export function typeOf(value: unknown): "null" | "boolean" | "number" | "string" | "array" | "object" {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return "array";
  return typeof value as "boolean" | "number" | "string" | "object";
}
export const textOf = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value ?? null));

const ranks = { null: 0, boolean: 1, number: 3, string: 4, array: 5, object: 6 };
const rank = (value: unknown): number => (value === true ? 2 : ranks[typeOf(value)]);

/** jq's order: null, false, true, numbers, strings, arrays, objects. */
export function compare(a: unknown, b: unknown): number {
  const difference = rank(a) - rank(b);
  if (difference !== 0) return difference;
  if (typeof a === "number") return a - (b as number);
  if (typeof a === "string") return a < (b as string) ? -1 : a > (b as string) ? 1 : 0;
  if (Array.isArray(a)) return compareLists(a, b as unknown[]);
  if (!isMap(a)) return 0;
  const [x, y] = [a, b as Record<string, unknown>];
  const keys = [Object.keys(x).sort(), Object.keys(y).sort()] as const;
  return (
    compareLists(...keys) ||
    compareLists(
      keys[0].map((key) => x[key]),
      keys[1].map((key) => y[key]),
    )
  );
}

function compareLists(a: readonly unknown[], b: readonly unknown[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const difference = compare(a[i], b[i]);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

export const iterate: Filter = (input) => {
  if (Array.isArray(input)) return input;
  if (isMap(input)) return Object.values(input);
  throw unusable;
};

export function fieldOf(input: unknown, name: string): unknown {
  if (input === null || input === undefined) return null;
  if (!isMap(input)) throw unusable;
  return own(input, name) ?? null;
}

export function indexOf(input: unknown, at: unknown): unknown {
  if (typeof at === "string") return fieldOf(input, at);
  if (typeof at !== "number") throw unusable;
  if (input === null || input === undefined) return null;
  if (!Array.isArray(input)) throw unusable;
  return input.at(Math.trunc(at)) ?? null;
}

export const operators = table<(a: unknown, b: unknown) => unknown>({
  "==": (a, b) => compare(a, b) === 0,
  "!=": (a, b) => compare(a, b) !== 0,
  "<": (a, b) => compare(a, b) < 0,
  "<=": (a, b) => compare(a, b) <= 0,
  ">": (a, b) => compare(a, b) > 0,
  ">=": (a, b) => compare(a, b) >= 0,
  "+": add,
  "-": (a, b) => (Array.isArray(a) && Array.isArray(b) ? a.filter((x) => !b.some((y) => compare(x, y) === 0)) : numbers(a, b, (x, y) => x - y)),
  "*": (a, b) => numbers(a, b, (x, y) => x * y),
  "/": (a, b) => (typeof a === "string" && typeof b === "string" ? a.split(b) : numbers(a, nonZero(b), (x, y) => x / y)),
  "%": (a, b) => numbers(a, nonZero(b), (x, y) => Math.trunc(x) % Math.trunc(y)),
});

export function add(a: unknown, b: unknown): unknown {
  if (a === null || a === undefined) return b;
  if (b === null || b === undefined) return a;
  if (typeof a === "string" && typeof b === "string") return a + b;
  if (Array.isArray(a) && Array.isArray(b)) return [...a, ...b];
  if (isMap(a) && isMap(b)) return { ...a, ...b };
  return numbers(a, b, (x, y) => x + y);
}

function numbers(a: unknown, b: unknown, apply: (x: number, y: number) => number): number {
  if (typeof a !== "number" || typeof b !== "number") throw unusable;
  return apply(a, b);
}
function nonZero(value: unknown): unknown {
  if (value === 0) throw unusable;
  return value;
}
