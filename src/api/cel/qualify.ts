/** Fields and indexes: `a.b`, `a[b]`, `a.?b`, `a[?b]`, `has(a.b)`. */
import { goTypeOf } from "./go-types.ts";
import { CelError, ListValue, MapValue, none, noSuchKey, ObjectValue, OptionalValue, show, typeOfValue, UInt, type Value } from "./values.ts";

/** Whether there may be something under it at all (cel-go's newQualifier). */
export const isQualifier = (key: Value): boolean =>
  typeof key === "string" || typeof key === "bigint" || typeof key === "number" || typeof key === "boolean" || key instanceof UInt;
export const invalidQualifier = (key: Value): CelError => new CelError(`invalid qualifier type: ${goTypeOf(key)}`);

/** A list's index; undefined: no such number. */
function indexOf(key: Value): number | undefined {
  if (typeof key === "bigint") return Number(key);
  if (key instanceof UInt) return Number(key.value);
  return typeof key === "number" && Number.isInteger(key) ? key : undefined;
}

/** undefined: it is not there. */
function find(of: Value, key: Value): Value | undefined {
  if (of instanceof MapValue) return of.get(key);
  if (of instanceof ListValue) {
    const index = indexOf(key);
    if (index === undefined)
      return new CelError(
        typeof key === "number" ? `unsupported index value ${show(key)} in list` : `unsupported index type '${typeOfValue(key).name}' in list`,
      );
    return index >= 0 && index < of.size ? of.at(index) : undefined;
  }
  return of instanceof ObjectValue && typeof key === "string" ? of.get(key) : undefined;
}

const missing = (of: Value, key: Value): CelError => (of instanceof ListValue ? new CelError(`index out of bounds: ${show(key)}`) : noSuchKey(key));

/** What is optional stays so: its fields are optional too. */
export function qualify(of: Value, key: Value, optional: boolean): Value {
  if (of instanceof CelError) return of;
  if (of instanceof OptionalValue) {
    if (of.value === undefined) return none;
    return qualify(of.value, key, true);
  }
  if (optional && of instanceof ObjectValue && typeof key === "string" && !of.has(key)) return none;
  const found = find(of, key);
  if (found === undefined) return optional ? none : missing(of, key);
  if (!optional) return found;
  // An element that cannot be read is there all the same (cel-go's refQualify looks at what maps and objects give, not lists).
  const isThere = !(found instanceof CelError) || (of instanceof ListValue && indexOf(key) !== undefined);
  return isThere ? new OptionalValue(found) : found;
}

export function isPresent(of: Value, field: string): Value {
  if (of instanceof OptionalValue) return of.value !== undefined && isPresent(of.value, field);
  if (of instanceof ObjectValue) return of.has(field);
  const found = find(of, field);
  return found instanceof CelError ? found : found !== undefined;
}
