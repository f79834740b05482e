/**
 * What else a definition's status says: that it is established, that a schema is not structural, that its group was
 * approved (apiextensions-apiserver/pkg/controller: establish, nonstructuralschema, apiapproval). Pure: each gives the
 * status with its condition, or undefined where nothing changes.
 */
import { approvalOf, isProtectedGroup } from "../../api/apiextensions/approval.ts";
import { conditionOf, isTrue, withCondition } from "../../api/apiextensions/definition-status.ts";
import { notStructural, validateStructural } from "../../api/apiextensions/structural.ts";
import { type FieldError, invalidValue, path, Path } from "../../api/field.ts";
import type { CustomResourceDefinition, CustomResourceDefinitionCondition, CustomResourceDefinitionStatus } from "../../api/types/apiextensions-v1.gen.ts";
import { validateCABundle } from "../../api/webhook-client.ts";

type Status = CustomResourceDefinitionStatus;

function withChange(definition: CustomResourceDefinition, next: CustomResourceDefinitionCondition, now: string): Status | undefined {
  const old = conditionOf(definition, next.type);
  if (old && old.status === next.status && old.reason === next.reason && old.message === next.message) return undefined;
  return { ...definition.status, conditions: withCondition(definition.status.conditions, next, now) };
}

export function judgeEstablished(definition: CustomResourceDefinition, now: string): Status | undefined {
  if (!isTrue(definition, "NamesAccepted") || isTrue(definition, "Established")) return undefined;
  const bundle = definition.spec.conversion?.webhook?.clientConfig?.caBundle;
  const invalid = bundle ? validateCABundle(new Path(), bundle).length > 0 : false;
  const next = invalid
    ? { status: "False", reason: "InvalidCABundle", message: "The conversion webhook CABundle is invalid" }
    : { status: "True", reason: "InitialNamesAccepted", message: "the initial names have been accepted" };
  return withChange(definition, { type: "Established", ...next }, now);
}

const aggregate = (errors: readonly FieldError[]): string => {
  const texts = [...new Set(errors.map(({ field, body }) => `${field}: ${body}`))];
  return texts.length === 1 ? (texts[0] as string) : `[${texts.join(", ")}]`;
};

function violations({ spec }: CustomResourceDefinition): CustomResourceDefinitionCondition | undefined {
  const type = "NonStructuralSchema";
  const errors: FieldError[] = spec.preserveUnknownFields ? [invalidValue(path("spec", "preserveUnknownFields"), true, "must be false")] : [];
  for (const [i, { name, schema }] of spec.versions.entries()) {
    const root = schema?.openAPIV3Schema;
    if (!root) continue;
    const why = notStructural(root);
    if (why !== undefined)
      return { type, status: "Unknown", reason: "StructuralError", message: `failed to check validation schema for version ${name}: ${why}` };
    errors.push(...validateStructural(root, path("spec", "versions").index(i).child("schema", "openAPIV3Schema")));
  }
  return errors.length ? { type, status: "True", reason: "Violations", message: aggregate(errors) } : undefined;
}

export function judgeStructure(definition: CustomResourceDefinition, now: string): Status | undefined {
  const next = violations(definition);
  if (next) return withChange(definition, next, now);
  if (!conditionOf(definition, "NonStructuralSchema")) return undefined;
  return { ...definition.status, conditions: definition.status.conditions.filter(({ type }) => type !== "NonStructuralSchema") };
}

const verdicts = {
  invalid: ["False", "InvalidAnnotation"],
  missing: ["False", "MissingAnnotation"],
  approved: ["True", "ApprovedAnnotation"],
  bypassed: ["False", "UnapprovedAnnotation"],
} as const;

export function judgeApproval(definition: CustomResourceDefinition, now: string): Status | undefined {
  if (!isProtectedGroup(definition.spec.group)) return undefined;
  const approval = approvalOf(definition.metadata.annotations);
  const [status, reason] = verdicts[approval.state];
  return withChange(definition, { type: "KubernetesAPIApprovalPolicyConformant", status, reason, message: approval.reason }, now);
}
