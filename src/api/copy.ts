/** Copies and comparison of objects as JSON has them: records, arrays, scalars. */

/** A map with nothing in it, where an object without keys could be a struct as well. Keys may be added to it. */
export class EmptyMap {}

/** A copy that shares nothing with `value`. */
export function deepCopy<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const copy = new Array(value.length);
    for (let i = 0; i < value.length; i++) copy[i] = deepCopy(value[i]);
    return copy as T;
  }
  const copy: Record<string, unknown> = {};
  let keys = 0;
  for (const key in value) {
    keys++;
    const item = (value as Record<string, unknown>)[key];
    if (item === undefined) continue;
    if (key === "__proto__") Object.defineProperty(copy, key, { value: deepCopy(item), enumerable: true, configurable: true, writable: true });
    else copy[key] = typeof item === "object" ? deepCopy(item) : item;
  }
  return (keys === 0 && value instanceof EmptyMap ? new EmptyMap() : copy) as T;
}

/** The value itself, nothing of which can be changed any more. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) for (const inner of Object.values(Object.freeze(value))) deepFreeze(inner);
  return value;
}

/**
 * Same keys with same values, in whatever order; a key that is undefined counts as absent. `same` judges what is no object and
 * no list, by the member that it is; "" in lists and at the top.
 */
export function deepEqual(a: unknown, b: unknown, same?: (a: unknown, b: unknown, key: string) => boolean, key = ""): boolean {
  if (same === undefined && a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return same?.(a, b, key) ?? false;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (!deepEqual(a[i], b[i], same)) return false;
    return true;
  }
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  let keys = 0;
  for (const key in left) {
    if (left[key] === undefined) continue;
    keys++;
    if (!Object.hasOwn(right, key) || !deepEqual(left[key], right[key], same, key)) return false;
  }
  for (const key in right) if (right[key] !== undefined) keys--;
  return keys === 0;
}
