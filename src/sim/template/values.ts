/** How Go templates look at values: truth, text, comparison. */
import { isMap } from "../../api/json.ts";

/** Thrown by a function; the template adds its place. */
export class FunctionError extends Error {}

export type TemplateFunction = (...values: unknown[]) => unknown;

/** False for nothing, false, zero, and whatever is empty. */
export function truthy(value: unknown): boolean {
  if (value === null || value === undefined || value === false || value === 0 || value === 0n || value === "") return false;
  if (Array.isArray(value)) return value.length > 0;
  return isMap(value) ? Object.keys(value).length > 0 : true;
}

/** As fmt.Print writes it. */
export function toText(value: unknown): string {
  if (value === null || value === undefined) return "<no value>";
  if (Array.isArray(value)) return `[${value.map(toText).join(" ")}]`;
  if (!isMap(value)) return String(value);
  const keys = Object.keys(value).sort();
  return `map[${keys.map((key) => `${key}:${toText(value[key])}`).join(" ")}]`;
}

/** Whether two values are the same basic value; null where they cannot be compared. */
export function same(a: unknown, b: unknown): boolean | null {
  const [x, y] = [a ?? null, b ?? null];
  if (x === null || y === null) return x === y;
  if (typeof x === "object" || typeof y === "object") return null;
  if (isNumber(x) && isNumber(y)) return Number(x) === Number(y);
  return x === y;
}

/** Negative, zero or positive; null where there is no order. */
export function order(a: unknown, b: unknown): number | null {
  if (isNumber(a) && isNumber(b)) return Number(a) - Number(b);
  if (typeof a !== "string" || typeof b !== "string") return null;
  return a < b ? -1 : a > b ? 1 : 0;
}

const isNumber = (value: unknown): value is number | bigint => typeof value === "number" || typeof value === "bigint";
