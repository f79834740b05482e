/** Lists that must be written even when there is nothing in them: what is stored knows no empty list, and says null. */
export function forgetEmpty<T extends object>(object: T | undefined, field: keyof T): void {
  const target = object as Record<PropertyKey, unknown> | undefined;
  const value = target?.[field];
  if (target && Array.isArray(value) && value.length === 0) target[field] = null;
}
