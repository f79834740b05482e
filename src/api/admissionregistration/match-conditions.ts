/** Conditions in CEL that requests must meet (pkg/apis/admissionregistration/validation/validation.go). */
import { validateQualifiedName } from "../core/checks.ts";
import { duplicate, type FieldError, internalFieldError, invalidValue, type Path, required, tooMany } from "../field.ts";
import type { MatchCondition } from "../types/admissionregistration-v1.gen.ts";
import { type Compiled, isMistake, type Mistake, returnTypes, standalone } from "./expressions.ts";

const maxConditions = 64;

/** What the compiler says of an expression; `shown` where the message shows another text than it was given. */
export function expressionErrors(compiled: Compiled | Mistake, at: Path, shown = compiled.expression): FieldError[] {
  if (!isMistake(compiled)) return [];
  return [compiled.mistake === "internal" ? internalFieldError(at, compiled.detail) : invalidValue(at, shown, compiled.detail)];
}

export function validateMatchConditions(conditions: readonly MatchCondition[] = [], params: boolean, at: Path): FieldError[] {
  const errors: FieldError[] = conditions.length > maxConditions ? [tooMany(at, conditions.length, maxConditions)] : [];
  const seen = new Set<string>();
  for (const [i, { name = "", expression = "" }] of conditions.entries()) {
    const here = at.index(i);
    const trimmed = expression.trim();
    if (!trimmed) errors.push(required(here.child("expression")));
    else errors.push(...expressionErrors(standalone().compile(trimmed, { params, authorizer: true }, returnTypes.condition), here.child("expression")));
    if (!name) {
      errors.push(required(here.child("name")));
      continue;
    }
    errors.push(...validateQualifiedName(name, here.child("name")));
    if (seen.has(name)) errors.push(duplicate(here.child("name"), name));
    seen.add(name);
  }
  return errors;
}
