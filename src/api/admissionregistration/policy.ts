/** What validating and mutating policies share: defaults and validation (pkg/apis/admissionregistration/validation/validation.go). */
import { deepEqual } from "../copy.ts";
import { semanticEqual } from "../core/semantic.ts";
import { type FieldError, internalFieldError, invalidValue, notSupported, type Path, required } from "../field.ts";
import type { MatchCondition, MatchResources, ParamKind, Variable } from "../types/admissionregistration-v1.gen.ts";
import type { Expressions } from "./expressions.ts";
import { expressionErrors, validateMatchConditions } from "./match-conditions.ts";
import { defaultMatchResources, failurePolicies, validateMatchResources } from "./match-resources.ts";
import { validateParamKind } from "./params.ts";

export interface PolicySpec {
  paramKind?: ParamKind;
  matchConstraints?: MatchResources;
  matchConditions?: MatchCondition[];
  variables?: Variable[];
  failurePolicy?: string;
}

export function defaultPolicy(spec: PolicySpec): void {
  spec.failurePolicy ??= "Fail";
  defaultMatchResources(spec.matchConstraints);
}

const words = ["true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let"];
const reserved = new Set([...words, "loop", "package", "namespace", "return", "var", "void", "while"]);
const isIdentifier = (name: string): boolean => /^[_a-zA-Z][_a-zA-Z0-9]*$/.test(name) && !reserved.has(name);

function validateVariable({ name = "", expression = "" }: Variable, expressions: Expressions | undefined, params: boolean, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  if (!name.trim()) errors.push(required(at.child("name"), "name is not specified"));
  else if (!isIdentifier(name)) errors.push(invalidValue(at.child("name"), name, "must be a valid CEL identifier"));
  if (!expression.trim()) errors.push(required(at.child("expression"), "expression is not specified"));
  else if (expressions) errors.push(...expressionErrors(expressions.addVariable(name, expression, { params, authorizer: true }), at.child("expression")));
  else errors.push(internalFieldError(at, "variable composition is not allowed"));
  return errors;
}

/** Conditions that are as they were are not looked at again. */
const sameConditions = (spec: PolicySpec, old: PolicySpec | undefined): boolean =>
  old !== undefined && semanticEqual(spec.paramKind, old.paramKind) && deepEqual(spec.matchConditions ?? [], old.matchConditions ?? []);

export function validateFailurePolicy({ failurePolicy }: PolicySpec, at: Path): FieldError[] {
  const here = at.child("failurePolicy");
  if (failurePolicy == null) return [required(here)];
  return failurePolicies.includes(failurePolicy) ? [] : [notSupported(here, failurePolicy, failurePolicies)];
}

export function validateConstraints({ matchConstraints }: PolicySpec, at: Path): FieldError[] {
  if (!matchConstraints) return [required(at)];
  return [
    ...validateMatchResources(matchConstraints, at),
    // One at least says of what type objects are.
    ...(matchConstraints.resourceRules?.length ? [] : [required(at.child("resourceRules"))]),
  ];
}

/** Up to the variables, which are added to the expressions. `more`: of the kind, after its constraints. */
export function validatePolicy(
  spec: PolicySpec,
  old: PolicySpec | undefined,
  expressions: Expressions | undefined,
  at: Path,
  more: FieldError[] = [],
): FieldError[] {
  const params = spec.paramKind !== undefined;
  return [
    ...validateFailurePolicy(spec, at),
    ...(spec.paramKind ? validateParamKind(spec.paramKind, at.child("paramKind")) : []),
    ...validateConstraints(spec, at.child("matchConstraints")),
    ...more,
    ...(sameConditions(spec, old) ? [] : validateMatchConditions(spec.matchConditions, params, at.child("matchConditions"))),
    ...(spec.variables ?? []).flatMap((variable, i) => validateVariable(variable, expressions, params, at.child("variables").index(i))),
  ];
}
