/** Immutability that the owner of a ConfigMap or Secret has chosen. */
import { EmptyMap } from "../copy.ts";
import { type FieldError, forbiddenField } from "../field.ts";
import { semanticEqual } from "./semantic.ts";

/** What `immutable: true` on the stored object forbids; `fields` in the order in which upstream looks at them. */
export function validateImmutableData<T extends { immutable?: boolean }>(
  object: T,
  old: T,
  fields: readonly (keyof T & string)[],
  ofStrings: readonly string[] = [],
): FieldError[] {
  if (!old.immutable) return [];
  const why = "field is immutable when `immutable` is set";
  const errors: FieldError[] = object.immutable ? [] : [forbiddenField("immutable", why)];
  // Seen of upstream: an empty map of bytes is another than none, an empty map of strings is not.
  const both = (field: keyof T): boolean => (object[field] === undefined) === (old[field] === undefined);
  const same = (field: keyof T & string): boolean =>
    ofStrings.includes(field)
      ? semanticEqual(object[field] ?? new EmptyMap(), old[field] ?? new EmptyMap())
      : both(field) && semanticEqual(object[field], old[field]);
  for (const field of fields) if (!same(field)) errors.push(forbiddenField(field, why));
  return errors;
}
