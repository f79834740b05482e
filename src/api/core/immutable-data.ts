/** Immutability that the owner of a ConfigMap or Secret has chosen. */
import { type FieldError, forbiddenField } from "../field.ts";
import { semanticEqual } from "./semantic.ts";

/** What `immutable: true` on the stored object forbids; `fields` in the order in which upstream looks at them. */
export function validateImmutableData<T extends { immutable?: boolean }>(object: T, old: T, fields: readonly (keyof T & string)[]): FieldError[] {
  if (!old.immutable) return [];
  const why = "field is immutable when `immutable` is set";
  const errors: FieldError[] = object.immutable ? [] : [forbiddenField("immutable", why)];
  // Upstream compares as Go does: an empty map is another than none.
  const same = (now: unknown, before: unknown): boolean => (now === undefined) === (before === undefined) && semanticEqual(now, before);
  for (const field of fields) if (!same(object[field], old[field])) errors.push(forbiddenField(field, why));
  return errors;
}
