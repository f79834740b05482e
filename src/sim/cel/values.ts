/**
 * Values of CEL (https://github.com/google/cel-spec) over JSON: whole numbers of an object are ints, others doubles. A double
 * that is whole is kept in a Double, so that 4.0 / 3.0 is not taken for a division of ints.
 */

/** An expression that fails on an object: a field that it lacks, types that do not fit. */
export class CELError extends Error {}

export class Double {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

export const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Double);
const isDouble = (value: unknown): boolean => value instanceof Double || (typeof value === "number" && !Number.isInteger(value));
const isInt = (value: unknown): value is number => typeof value === "number" && Number.isInteger(value);
export const isNumber = (value: unknown): boolean => typeof value === "number" || value instanceof Double;
export const numberOf = (value: unknown): number => (value instanceof Double ? value.value : (value as number));

export function typeOf(value: unknown): string {
  if (value === null || value === undefined) return "null_type";
  if (isDouble(value)) return "double";
  if (Array.isArray(value)) return "list";
  return { number: "int", string: "string", boolean: "bool" }[typeof value as string] ?? "map";
}

export function bool(value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw new CELError(`a ${typeOf(value)} stands where a bool must`);
}
export function text(value: unknown): string {
  if (typeof value === "string") return value;
  throw new CELError(`a ${typeOf(value)} stands where a string must`);
}

export function equal(a: unknown, b: unknown): boolean {
  if (isNumber(a) && isNumber(b)) return numberOf(a) === numberOf(b);
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => equal(item, b[i]));
  if (isMap(a) && isMap(b)) {
    const keys = Object.keys(a);
    return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && equal(a[key], b[key]));
  }
  return (a ?? null) === (b ?? null);
}

function order(a: unknown, b: unknown): number {
  if (isNumber(a) && isNumber(b)) return numberOf(a) - numberOf(b);
  if (typeof a === "string" && typeof b === "string") return a < b ? -1 : a > b ? 1 : 0;
  if (typeof a === "boolean" && typeof b === "boolean") return Number(a) - Number(b);
  throw new CELError(`a ${typeOf(a)} and a ${typeOf(b)} have no order`);
}

function calculate(operator: string, a: unknown, b: unknown, apply: (x: number, y: number) => number): unknown {
  if (isInt(a) && isInt(b)) return Math.trunc(apply(a, b));
  if (isNumber(a) && isNumber(b) && isDouble(a) && isDouble(b)) return new Double(apply(numberOf(a), numberOf(b)));
  throw new CELError(`${typeOf(a)} ${operator} ${typeOf(b)} is not defined: convert one with int() or double()`);
}

function plus(a: unknown, b: unknown): unknown {
  if (typeof a === "string" && typeof b === "string") return a + b;
  if (Array.isArray(a) && Array.isArray(b)) return [...a, ...b];
  return calculate("+", a, b, (x, y) => x + y);
}

function divided(operator: string, a: unknown, b: unknown, apply: (x: number, y: number) => number): unknown {
  if (isInt(b) && b === 0) throw new CELError("division by zero");
  if (operator === "%" && isDouble(a)) throw new CELError("% is for ints only");
  return calculate(operator, a, b, apply);
}

function within(value: unknown, container: unknown): boolean {
  if (Array.isArray(container)) return container.some((item) => equal(item, value));
  if (isMap(container)) return typeof value === "string" && Object.hasOwn(container, value);
  throw new CELError(`in needs a list or a map, not a ${typeOf(container)}`);
}

export const operators: Record<string, (a: unknown, b: unknown) => unknown> = {
  "==": equal,
  "!=": (a, b) => !equal(a, b),
  "<": (a, b) => order(a, b) < 0,
  "<=": (a, b) => order(a, b) <= 0,
  ">": (a, b) => order(a, b) > 0,
  ">=": (a, b) => order(a, b) >= 0,
  in: within,
  "+": plus,
  "-": (a, b) => calculate("-", a, b, (x, y) => x - y),
  "*": (a, b) => calculate("*", a, b, (x, y) => x * y),
  "/": (a, b) => divided("/", a, b, (x, y) => x / y),
  "%": (a, b) => divided("%", a, b, (x, y) => x % y),
};

export function fieldOf(value: unknown, name: string): unknown {
  if (isMap(value) && Object.hasOwn(value, name)) return value[name];
  throw new CELError(`no such key: ${name}`);
}

export function indexOf(value: unknown, at: unknown): unknown {
  if (isMap(value)) return fieldOf(value, text(at));
  if (!Array.isArray(value) || !isNumber(at)) throw new CELError(`a ${typeOf(value)} has no element of a ${typeOf(at)}`);
  const i = numberOf(at);
  if (!Number.isInteger(i) || i < 0 || i >= value.length) throw new CELError(`index out of range: ${i}`);
  return value[i];
}

function sizeOf(value: unknown): number {
  if (typeof value === "string") return [...value].length;
  if (Array.isArray(value)) return value.length;
  if (isMap(value)) return Object.keys(value).length;
  throw new CELError(`a ${typeOf(value)} has no size`);
}

function toNumber(value: unknown): number {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : isNumber(value) ? numberOf(value) : Number.NaN;
  if (Number.isNaN(number)) throw new CELError(`${JSON.stringify(value)} is no number`);
  return number;
}
function toText(value: unknown): string {
  if (typeof value === "string" || typeof value === "boolean" || isNumber(value)) return String(isNumber(value) ? numberOf(value) : value);
  throw new CELError(`a ${typeOf(value)} has no text`);
}
function matches(value: unknown, pattern: unknown): boolean {
  try {
    return new RegExp(text(pattern), "u").test(text(value));
  } catch (error) {
    if (error instanceof SyntaxError) throw new CELError(error.message);
    throw error;
  }
}

/** By name and number of values; a method's receiver is its first value. */
export const functions: Record<string, (...values: unknown[]) => unknown> = {
  "size/1": sizeOf,
  "int/1": (value) => Math.trunc(toNumber(value)),
  "double/1": (value) => new Double(toNumber(value)),
  "string/1": toText,
  "bool/1": (value) => (typeof value === "string" ? /^(?:true|t|1)$/i.test(value) : bool(value)),
  "matches/2": matches,
  "startsWith/2": (value, start) => text(value).startsWith(text(start)),
  "endsWith/2": (value, end) => text(value).endsWith(text(end)),
  "contains/2": (value, part) => text(value).includes(text(part)),
  "lowerAscii/1": (value) => text(value).toLowerCase(),
  "upperAscii/1": (value) => text(value).toUpperCase(),
};
/** Those that may stand without a receiver. */
export const global: readonly string[] = ["size/1", "int/1", "double/1", "string/1", "bool/1", "matches/2"];
