/** What bindings of validating and of mutating policies share (pkg/apis/admissionregistration/validation/validation.go). */
import { semanticEqual } from "../core/semantic.ts";
import { type FieldError, invalidValue, path, required } from "../field.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import { validateObjectMeta } from "../meta/validation.ts";
import type { KubeObject } from "../object.ts";
import type { ValidatingAdmissionPolicyBindingSpec } from "../types/admissionregistration-v1.gen.ts";
import { defaultMatchResources, validateMatchResources } from "./match-resources.ts";
import { validateParamRef } from "./params.ts";
import { staticNameWarnings } from "./webhook.ts";

export interface PolicyBinding extends KubeObject {
  spec: ValidatingAdmissionPolicyBindingSpec;
}

/** `more`: what only one of them has. */
export const bindingStrategy = (more: (binding: PolicyBinding) => FieldError[]) => {
  const validate = (binding: PolicyBinding): FieldError[] => {
    const { metadata, spec } = binding;
    const at = path("spec");
    const { policyName = "" } = spec;
    const here = at.child("policyName");
    return [
      ...validateObjectMeta(metadata, { namespaced: false, validateName: nameIsDNSSubdomain }, path("metadata")),
      ...(policyName ? nameIsDNSSubdomain(policyName, false).map((message) => invalidValue(here, policyName, message)) : [required(here)]),
      ...validateParamRef(spec.paramRef, at.child("paramRef")),
      ...validateMatchResources(spec.matchResources, at.child("matchResources")),
      ...more(binding),
    ];
  };
  return {
    allowUnconditionalUpdate: false,
    setDefaults(binding: PolicyBinding): void {
      binding.spec ??= {};
      defaultMatchResources(binding.spec.matchResources);
    },
    prepareForCreate({ metadata }: PolicyBinding): void {
      metadata.generation = 1;
    },
    prepareForUpdate(binding: PolicyBinding, old: PolicyBinding): void {
      if (!semanticEqual(binding.spec, old.spec)) binding.metadata.generation = (old.metadata.generation ?? 0) + 1;
    },
    validate,
    validateUpdate: validate,
    warnings: staticNameWarnings,
    warningsOnUpdate: staticNameWarnings,
  };
};
