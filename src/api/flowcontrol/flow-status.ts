/** Status of the two kinds of flow control: conditions with a type, each once. */
import { type FieldError, path, required, duplicateNamed } from "../field.ts";
import type { ObjectMeta } from "../types/meta-v1.gen.ts";

export function validateConditionTypes(conditions: { type?: string }[] | undefined): FieldError[] {
  const seen = new Set<string>();
  return (conditions ?? []).flatMap(({ type = "" }, i) => {
    const at = path("status", "conditions").index(i).child("type");
    const errors: FieldError[] = seen.has(type) ? [duplicateNamed(at, type)] : [];
    seen.add(type);
    return type ? errors : [...errors, required(at)];
  });
}

/** Only the field managers are the update's own. */
export const metadataOf = (meta: ObjectMeta, old: ObjectMeta): ObjectMeta => ({ ...old, managedFields: meta.managedFields }) as ObjectMeta;
