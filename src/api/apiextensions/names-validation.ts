/** Names that a definition gives its resources (ValidateCustomResourceDefinitionNames). */
import { type FieldError, invalidValue, type Path } from "../field.ts";
import { isDNS1035Label } from "../names.ts";
import type { CustomResourceDefinitionNames } from "../types/apiextensions-v1.gen.ts";

export function validateNames(names: Partial<CustomResourceDefinitionNames>, path: Path): FieldError[] {
  const errors: FieldError[] = [];
  const label = (at: Path, value: string | undefined, before = "", shown = value): void => {
    const wrong = value ? isDNS1035Label(value) : [];
    if (wrong.length) errors.push(invalidValue(at, shown, before + wrong.join(",")));
  };
  const mixed = "may have mixed case, but should otherwise match: ";
  label(path.child("plural"), names.plural);
  label(path.child("singular"), names.singular);
  label(path.child("kind"), names.kind?.toLowerCase(), mixed, names.kind);
  label(path.child("listKind"), names.listKind?.toLowerCase(), mixed, names.listKind);
  const listed = (name: "shortNames" | "categories"): void => {
    for (const [i, value] of (names[name] ?? []).entries()) {
      const wrong = isDNS1035Label(value);
      if (wrong.length) errors.push(invalidValue(path.child(name).index(i), value, wrong.join(",")));
    }
  };
  listed("shortNames");
  if (names.kind && names.kind === names.listKind) errors.push(invalidValue(path.child("listKind"), names.listKind, "kind and listKind may not be the same"));
  listed("categories");
  return errors;
}
