/** Equality as upstream's apiequality.Semantic has it: absent, null, empty list and empty map are the same. */
export const semanticEqual = (a: unknown, b: unknown): boolean => equal(a, b, isEmpty);

/** The same for a status, of which the server leaves out what is zero, false or an empty text. */
export const statusEqual = (a: unknown, b: unknown): boolean => equal(a, b, (value) => !value || isEmpty(value));

function equal(a: unknown, b: unknown, empty: (value: unknown) => boolean): boolean {
  if (a === b) return true;
  if (empty(a) || empty(b)) return empty(a) && empty(b);
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((value, i) => equal(value, b[i], empty));
  }
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  for (const key in left) if (!equal(left[key], right[key], empty)) return false;
  for (const key in right) if (!(key in left) && !empty(right[key])) return false;
  return true;
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (Array.isArray(value)) return value.length === 0;
  if (typeof value !== "object") return false;
  for (const _ in value) return false;
  return true;
}
