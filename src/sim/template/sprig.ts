/** Functions of sprig (https://masterminds.github.io/sprig/) that look at text, numbers, lists and maps; no time, no secrets. */
import { isMap } from "../../api/json.ts";
import { FunctionError, same, type TemplateFunction, toText, truthy } from "./values.ts";

const list = (value: unknown): unknown[] => {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  throw new FunctionError(`${toText(value)} is no list`);
};
const map = (value: unknown): Record<string, unknown> => {
  if (value === undefined || value === null) return {};
  if (isMap(value)) return value;
  throw new FunctionError(`${toText(value)} is no map`);
};
/** As sprig's int64: text that is no number is 0. */
const int = (value: unknown): number => {
  const number = Math.trunc(Number(typeof value === "string" ? value.trim() : (value ?? 0)));
  return Number.isFinite(number) ? number : 0;
};
const divisor = (value: unknown): number => {
  if (int(value) === 0) throw new FunctionError("division by zero");
  return int(value);
};
const sum = (...values: unknown[]): number => values.reduce<number>((total, value) => total + int(value), 0);
const strings = (value: unknown): string[] => list(value).map(toText);

function regex(source: unknown, flags = ""): RegExp {
  try {
    return new RegExp(toText(source), `u${flags}`);
  } catch (error) {
    throw new FunctionError((error as Error).message);
  }
}
/** Go's $1 and ${1} as ECMAScript's. */
const replacement = (text: string): string => text.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => (/^\d+$/.test(name) ? `$${name}` : `$<${name}>`));

const pairs = (...values: unknown[]): Record<string, unknown> =>
  Object.fromEntries(values.flatMap((key, i) => (i % 2 ? [] : [[toText(key), values[i + 1] ?? ""]])));

/** What `into` lacks, or has empty, it takes from the other, at every depth. A new map: objects here are not changed. */
function merged(into: Record<string, unknown>, from: Record<string, unknown>): Record<string, unknown> {
  const result = { ...into };
  for (const [key, value] of Object.entries(from)) {
    const held = result[key];
    if (isMap(held) && isMap(value)) result[key] = merged(held, value);
    else if (!truthy(held)) result[key] = value;
  }
  return result;
}

const contains = (items: unknown, value: unknown): boolean => list(items).some((item) => same(item, value) ?? JSON.stringify(item) === JSON.stringify(value));

const kindOf = (value: unknown): string => {
  if (value === undefined || value === null) return "invalid";
  if (Array.isArray(value)) return "slice";
  if (isMap(value)) return "map";
  return { string: "string", boolean: "bool", number: Number.isInteger(value) ? "int64" : "float64" }[typeof value as string] ?? typeof value;
};

const indent = (width: unknown, value: unknown): string => toText(value).replaceAll(/^/gm, " ".repeat(int(width)));

export const sprig: Record<string, TemplateFunction> = {
  default: (fallback, value) => (truthy(value) ? value : fallback),
  empty: (value) => !truthy(value),
  coalesce: (...values) => values.find(truthy),
  ternary: (yes, no, condition) => (truthy(condition) ? yes : no),
  fail: (message) => {
    throw new FunctionError(toText(message));
  },
  kindOf,
  kindIs: (kind, value) => kindOf(value) === kind,
  toString: toText,
  toJson: (value) => JSON.stringify(value ?? null),

  quote: (...values) => values.flatMap((value) => (value === undefined || value === null ? [] : [JSON.stringify(toText(value))])).join(" "),
  squote: (...values) => values.flatMap((value) => (value === undefined || value === null ? [] : [`'${toText(value)}'`])).join(" "),
  lower: (value) => toText(value).toLowerCase(),
  upper: (value) => toText(value).toUpperCase(),
  trim: (value) => toText(value).trim(),
  trimPrefix: (prefix, value) => (toText(value).startsWith(toText(prefix)) ? toText(value).slice(toText(prefix).length) : value),
  trimSuffix: (suffix, value) => (toText(suffix) && toText(value).endsWith(toText(suffix)) ? toText(value).slice(0, -toText(suffix).length) : value),
  hasPrefix: (prefix, value) => toText(value).startsWith(toText(prefix)),
  hasSuffix: (suffix, value) => toText(value).endsWith(toText(suffix)),
  contains: (part, value) => toText(value).includes(toText(part)),
  replace: (old, fresh, value) => toText(value).replaceAll(toText(old), () => toText(fresh)),
  trunc: (length, value) => (int(length) < 0 ? toText(value).slice(int(length)) : toText(value).slice(0, int(length))),
  repeat: (count, value) => toText(value).repeat(Math.max(0, int(count))),
  indent,
  nindent: (width, value) => `\n${indent(width, value)}`,
  b64enc: (value) => Buffer.from(toText(value)).toString("base64"),
  b64dec: (value) => Buffer.from(toText(value), "base64").toString(),
  join: (separator, values) => strings(values).join(toText(separator)),
  splitList: (separator, value) => toText(value).split(toText(separator)),
  regexMatch: (source, value) => regex(source).test(toText(value)),
  regexFind: (source, value) => regex(source).exec(toText(value))?.[0] ?? "",
  regexReplaceAll: (source, value, fresh) => toText(value).replaceAll(regex(source, "g"), replacement(toText(fresh))),

  int,
  int64: int,
  float64: (value) => Number(value) || 0,
  atoi: int,
  add: sum,
  add1: (value) => int(value) + 1,
  sub: (a, b) => int(a) - int(b),
  mul: (...values) => values.reduce<number>((product, value) => product * int(value), 1),
  div: (a, b) => Math.trunc(int(a) / divisor(b)),
  mod: (a, b) => int(a) % divisor(b),
  max: (...values) => Math.max(...values.map(int)),
  min: (...values) => Math.min(...values.map(int)),
  until: (count) => Array.from({ length: Math.max(0, int(count)) }, (_, i) => i),

  list: (...values) => values,
  first: (values) => list(values)[0],
  last: (values) => list(values).at(-1),
  append: (values, value) => [...list(values), value],
  prepend: (values, value) => [value, ...list(values)],
  concat: (...values) => values.flatMap(list),
  has: (value, values) => contains(values, value),
  without: (values, ...left) => list(values).filter((value) => !contains(left, value)),
  uniq: (values) => list(values).filter((value, i, all) => !contains(all.slice(0, i), value)),
  compact: (values) => list(values).filter(truthy),
  reverse: (values) => list(values).toReversed(),
  sortAlpha: (values) => strings(values).sort(),

  dict: pairs,
  get: (from, key) => map(from)[toText(key)] ?? "",
  hasKey: (from, key) => Object.hasOwn(map(from), toText(key)),
  keys: (...maps) => maps.flatMap((each) => Object.keys(map(each))),
  values: (from) => Object.values(map(from)),
  omit: (from, ...names) => Object.fromEntries(Object.entries(map(from)).filter(([key]) => !names.includes(key))),
  pick: (from, ...names) => Object.fromEntries(Object.entries(map(from)).filter(([key]) => names.includes(key))),
  merge: (...maps) => maps.map(map).reduce(merged),
};
