/** ValidatingAdmissionPolicies (pkg/registry/admissionregistration/validatingadmissionpolicy). */
import { validateQualifiedName } from "../core/checks.ts";
import { age } from "../core/object-meta.ts";
import { semanticEqual } from "../core/semantic.ts";
import { duplicate, type FieldError, invalidValue, notSupported, type Path, path, required } from "../field.ts";
import type { Kind } from "../kind.ts";
import { validateConditions } from "../meta/conditions.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import { validateObjectMeta } from "../meta/validation.ts";
import { resetMetadata } from "../meta/status-update.ts";
import { longerThan } from "../names.ts";
import type { AuditAnnotation, ValidatingAdmissionPolicy, Validation } from "../types/admissionregistration-v1.gen.ts";
import { Expressions, returnTypes, standalone } from "./expressions.ts";
import { expressionErrors } from "./match-conditions.ts";
import { paramKindCell } from "./param-ref.ts";
import { defaultPolicy, validatePolicy } from "./policy.ts";
import { staticNameWarnings } from "./webhook.ts";

const reasons = ["Forbidden", "Invalid", "RequestEntityTooLarge"];
const maxAuditAnnotations = 20;
/** Bytes; what an expression gives may be twice as long. */
const maxAuditExpression = 5 * 1024;

function validateValidation(validation: Validation, expressions: Expressions, params: boolean, at: Path): FieldError[] {
  const { expression = "", message = "", messageExpression = "", reason } = validation;
  const errors: FieldError[] = [];
  if (!expression.trim()) errors.push(required(at.child("expression"), "expression is not specified"));
  else errors.push(...expressionErrors(expressions.compile(expression, { params, authorizer: true }, returnTypes.condition), at.child("expression")));
  if (messageExpression && !messageExpression.trim())
    errors.push(invalidValue(at.child("messageExpression"), messageExpression, "must be non-empty if specified"));
  else if (messageExpression)
    errors.push(...expressionErrors(expressions.compile(messageExpression, { params, authorizer: false }, returnTypes.message), at.child("messageExpression")));
  if (message && !message.trim()) errors.push(invalidValue(at.child("message"), message, "must be non-empty if specified"));
  else if (/[\n\r]/.test(message.trim())) errors.push(invalidValue(at.child("message"), message, "must not contain line breaks"));
  if (reason !== undefined && !reasons.includes(reason)) errors.push(notSupported(at.child("reason"), reason, reasons));
  return errors;
}

function validateAuditAnnotation(
  policy: string,
  { key = "", valueExpression = "" }: AuditAnnotation,
  expressions: Expressions,
  params: boolean,
  at: Path,
): FieldError[] {
  const errors = policy
    ? validateQualifiedName(`${policy}/${key}`, at.child("key"))
    : [invalidValue(at.child("key"), key, "requires metadata.name be non-empty")];
  const here = at.child("valueExpression");
  const trimmed = valueExpression.trim();
  if (!trimmed) errors.push(required(here, "valueExpression is not specified"));
  else if (longerThan(trimmed, maxAuditExpression)) errors.push(required(here, `must not exceed ${maxAuditExpression} bytes in length`));
  else errors.push(...expressionErrors(expressions.compile(trimmed, { params, authorizer: true }, returnTypes.auditAnnotation), here, valueExpression));
  return errors;
}

function validate({ metadata, spec }: ValidatingAdmissionPolicy, old?: ValidatingAdmissionPolicy): FieldError[] {
  const at = path("spec");
  const expressions = spec.variables?.length ? new Expressions(true) : standalone();
  const params = spec.paramKind !== undefined;
  const errors = [
    ...validateObjectMeta(metadata, { namespaced: false, validateName: nameIsDNSSubdomain }, path("metadata")),
    ...validatePolicy(spec, old?.spec, expressions, at),
  ];
  const { validations = [], auditAnnotations = [] } = spec;
  if (!validations.length && !auditAnnotations.length) {
    for (const field of ["validations", "auditAnnotations"])
      errors.push(required(at.child(field), "validations or auditAnnotations must contain at least one item"));
    return errors;
  }
  for (const [i, validation] of validations.entries()) errors.push(...validateValidation(validation, expressions, params, at.child("validations").index(i)));
  const here = at.child("auditAnnotations");
  if (auditAnnotations.length > maxAuditAnnotations)
    errors.push(invalidValue(here, auditAnnotations, `must not have more than ${maxAuditAnnotations} auditAnnotations`));
  const keys = new Set<string>();
  for (const [i, annotation] of auditAnnotations.entries()) {
    errors.push(...validateAuditAnnotation(metadata.name, annotation, expressions, params, here.index(i)));
    if (keys.has(annotation.key)) errors.push(duplicate(here.index(i).child("key"), annotation.key));
    keys.add(annotation.key);
  }
  return errors;
}

/** A JSONPath to a field: names, and indexes in brackets. */
const isFieldPath = (text: string): boolean => /^[^[\]{}()'"]+(\[(\d+|'[^']*'|"[^"]*")\][^[\]{}()'"]*)*$/.test(text);

function validateStatus({ status }: ValidatingAdmissionPolicy): FieldError[] {
  const at = path("status");
  const warnings = (status?.typeChecking?.expressionWarnings ?? []).flatMap(({ warning, fieldRef = "" }, i) => {
    const here = at.child("typeChecking", "expressionWarnings").index(i);
    const trimmed = fieldRef.trim();
    const errors = warning ? [] : [required(here.child("warning"))];
    if (!trimmed) errors.push(required(here.child("fieldRef")));
    else if (!isFieldPath(trimmed)) errors.push(invalidValue(here.child("fieldRef"), trimmed, "invalid JSONPath: unterminated array"));
    return errors;
  });
  return [...warnings, ...validateConditions(status?.conditions, at.child("conditions"))];
}

export const validatingAdmissionPolicyKind: Kind<ValidatingAdmissionPolicy> = {
  resource: "validatingadmissionpolicies.admissionregistration.k8s.io",
  allowUnconditionalUpdate: false,
  setDefaults: (policy) => {
    policy.spec ??= {};
    defaultPolicy(policy.spec);
  },
  prepareForCreate(policy) {
    policy.status = {};
    policy.metadata.generation = 1;
  },
  prepareForUpdate(policy, old) {
    policy.status = old.status;
    if (!semanticEqual(policy.spec, old.spec)) policy.metadata.generation = (old.metadata.generation ?? 0) + 1;
  },
  validate: (policy) => validate(policy),
  validateUpdate: (policy, old) => validate(policy, old),
  warnings: staticNameWarnings,
  warningsOnUpdate: staticNameWarnings,
  subresources: {
    status: {
      prepareForUpdate(policy, old) {
        policy.spec = old.spec;
        resetMetadata(policy.metadata, old.metadata);
      },
      validateUpdate: (policy) => validateStatus(policy),
      warningsOnUpdate: staticNameWarnings,
    },
  },
  cells: ({ metadata, spec }, now) => [metadata.name, spec.validations?.length ?? 0, paramKindCell(spec.paramKind), age({ metadata }, now)],
};
