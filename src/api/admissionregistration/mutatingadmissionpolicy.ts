/** MutatingAdmissionPolicies (pkg/registry/admissionregistration/mutatingadmissionpolicy). */
import { jsonPatchType, objectType } from "../cel/library/mutation.ts";
import { listOf, type Type } from "../cel/types.ts";
import { age } from "../core/object-meta.ts";
import { semanticEqual } from "../core/semantic.ts";
import { type FieldError, invalidValue, notSupported, type Path, path, required } from "../field.ts";
import type { Kind } from "../kind.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import { validateObjectMeta } from "../meta/validation.ts";
import type { MutatingAdmissionPolicy, Mutation } from "../types/admissionregistration-v1.gen.ts";
import { Expressions } from "./expressions.ts";
import { expressionErrors } from "./match-conditions.ts";
import { reinvocationPolicies } from "./match-resources.ts";
import { paramKindCell } from "./param-ref.ts";
import { defaultPolicy, validatePolicy } from "./policy.ts";
import { validateMutatingOperations } from "./rules.ts";
import { staticNameWarnings } from "./webhook.ts";
import { table } from "../../base/table.ts";

interface Way {
  readonly field: "jsonPatch" | "applyConfiguration";
  readonly other: "jsonPatch" | "applyConfiguration";
  readonly type: Type;
}
/** By patchType: where the expression is and what it gives. */
export const mutationWays = table<Way>({
  ApplyConfiguration: { field: "applyConfiguration", other: "jsonPatch", type: objectType },
  JSONPatch: { field: "jsonPatch", other: "applyConfiguration", type: listOf(jsonPatchType) },
});
const patchTypes = Object.keys(mutationWays);

function validateMutation(mutation: Mutation, expressions: Expressions, params: boolean, at: Path): FieldError[] {
  const { patchType = "" } = mutation;
  if (!patchType) return [required(at.child("patchType"))];
  const way = mutationWays[patchType];
  if (!way) return [notSupported(at.child("patchType"), patchType, patchTypes)];
  const errors: FieldError[] = [];
  const given = mutation[way.field];
  const here = at.child(way.field);
  const expression = given?.expression?.trim() ?? "";
  if (!given) errors.push(required(here, `must be specified when patchType is ${patchType}`));
  else if (!expression) errors.push(required(here.child("expression")));
  else errors.push(...expressionErrors(expressions.compile(expression, { params, authorizer: true, patchTypes: true }, [way.type]), here.child("expression")));
  if (mutation[way.other]) errors.push(invalidValue(at.child(way.other), `{${way.other}}`, `must not be specified when patchType is ${patchType}`));
  return errors;
}

function validate({ metadata, spec }: MutatingAdmissionPolicy, old?: MutatingAdmissionPolicy): FieldError[] {
  const at = path("spec");
  const expressions = new Expressions(true);
  const operations = at.child("matchConstraints", "resourceRules", "operations");
  const { mutations = [], reinvocationPolicy = "" } = spec;
  const errors = [
    ...validateObjectMeta(metadata, { namespaced: false, validateName: nameIsDNSSubdomain }, path("metadata")),
    ...validatePolicy(spec, old?.spec, expressions, at, validateMutatingOperations(spec.matchConstraints?.resourceRules, operations)),
  ];
  if (!mutations.length) errors.push(required(at.child("mutations"), "mutations must contain at least one item"));
  for (const [i, mutation] of mutations.entries())
    errors.push(...validateMutation(mutation, expressions, spec.paramKind !== undefined, at.child("mutations").index(i)));
  const here = at.child("reinvocationPolicy");
  if (!reinvocationPolicy) errors.push(required(here));
  else if (!reinvocationPolicies.includes(reinvocationPolicy)) errors.push(notSupported(here, reinvocationPolicy, reinvocationPolicies));
  return errors;
}

export const mutatingAdmissionPolicyKind: Kind<MutatingAdmissionPolicy> = {
  resource: "mutatingadmissionpolicies.admissionregistration.k8s.io",
  allowUnconditionalUpdate: false,
  setDefaults: (policy) => {
    policy.spec ??= {};
    defaultPolicy(policy.spec);
  },
  prepareForCreate({ metadata }) {
    metadata.generation = 1;
  },
  prepareForUpdate(policy, old) {
    if (!semanticEqual(policy.spec, old.spec)) policy.metadata.generation = (old.metadata.generation ?? 0) + 1;
  },
  validate: (policy) => validate(policy),
  validateUpdate: (policy, old) => validate(policy, old),
  warnings: staticNameWarnings,
  warningsOnUpdate: staticNameWarnings,
  cells: ({ metadata, spec }, now) => [metadata.name, spec.mutations?.length ?? 0, paramKindCell(spec.paramKind), age({ metadata }, now)],
};
