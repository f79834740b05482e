/** Plain JSON values as patches see them: own keys only (`constructor` and `__proto__` are keys like any other). */
import { own } from "../../base/table.ts";
import { goFloat } from "../go-float.ts";
import { isMap, type JSONObject, type JSONValue } from "../json.ts";
import { isWholeFloat, wholeFloat } from "./whole-floats.ts";

export function set(map: JSONObject, key: string, value: JSONValue | undefined): void {
  if (key === "__proto__") Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true });
  else map[key] = value;
}

/** Deep equality; a key with undefined counts as absent. */
export function equal(a: JSONValue | undefined, b: JSONValue | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((value, i) => equal(value, b[i]));
  if (Array.isArray(b)) return false;
  let count = 0;
  for (const key in a) {
    if (a[key] === undefined) continue;
    count++;
    if (!equal(a[key], own(b, key))) return false;
  }
  for (const key in b) if (b[key] !== undefined) count--;
  return count === 0;
}

/** Decoded as int64: what is larger becomes a float64. */
export const isGoInteger = (value: number): boolean => Number.isInteger(value) && Math.abs(value) < 2 ** 63;

/** As Go's %v prints decoded JSON: `map[a:1 b:[x y]]`. */
export function goText(value: JSONValue | undefined): string {
  if (value === null || value === undefined) return "<nil>";
  if (Array.isArray(value)) return `[${value.map(goText).join(" ")}]`;
  if (typeof value === "number") return isGoInteger(value) ? String(value) : goFloat(value);
  // Go's untyped integers end where int64 does.
  if (typeof value === "bigint" && BigInt.asIntN(64, value) !== value) return goFloat(Number(value));
  if (isWholeFloat(value)) return goFloat(wholeFloat(value));
  if (typeof value !== "object") return String(value);
  return `map[${Object.keys(value)
    .sort()
    .map((key) => `${key}:${goText(value[key])}`)
    .join(" ")}]`;
}

/** As Go prints what it takes for text: all else says what it is. */
export function goStringText(value: JSONValue | undefined): string {
  if (isWholeFloat(value)) return `%!s(float64=${goText(value)})`;
  if (typeof value === "string") return value;
  if (value === null || value === undefined) return "%!s(<nil>)";
  if (typeof value === "boolean") return `%!s(bool=${value})`;
  if (typeof value === "bigint") return `%!s(int64=${value})`;
  if (typeof value === "number") return `%!s(${isGoInteger(value) ? "int64" : "float64"}=${goText(value)})`;
  if (Array.isArray(value)) return `[${value.map(goStringText).join(" ")}]`;
  const keys = Object.keys(value).sort();
  return `map[${keys.map((key) => `${key}:${goStringText(value[key])}`).join(" ")}]`;
}

/** The kind of a value as encoding/json names it in its errors. */
export function jsonKind(value: JSONValue | undefined): string {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "bigint") return "number";
  return typeof value === "boolean" ? "bool" : typeof value;
}

/** Each element or value as `change` gives it; undefined takes it out. Where nothing changes, the same comes back: copies of large patches are large. */
export function withParts(value: JSONValue, change: (part: JSONValue, inList: boolean) => JSONValue | undefined): JSONValue {
  if (Array.isArray(value)) {
    let out: JSONValue[] | undefined;
    for (let i = 0; i < value.length; i++) {
      const part = value[i] as JSONValue;
      const next = change(part, true);
      if (next !== part) out ??= value.slice(0, i);
      if (out && next !== undefined) out.push(next);
    }
    return out ?? value;
  }
  if (!isMap(value)) return value;
  let out: JSONObject | undefined;
  for (const key in value) {
    const part = value[key];
    const next = part === undefined ? undefined : change(part, false);
    if (!out && (next === undefined || next !== part)) {
      out = {};
      for (const before in value) {
        if (before === key) break;
        set(out, before, value[before]);
      }
    }
    if (out && next !== undefined) set(out, key, next);
  }
  return out ?? value;
}

/** Keys with null do not make it into what is new; the elements of lists stay, nulls among them. */
export const withoutNulls = (value: JSONValue): JSONValue => withParts(value, notNull);
const notNull = (part: JSONValue, inList: boolean): JSONValue | undefined => (part === null && !inList ? undefined : withoutNulls(part));
