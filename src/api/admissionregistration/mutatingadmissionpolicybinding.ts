/** MutatingAdmissionPolicyBindings (pkg/registry/admissionregistration/mutatingadmissionpolicybinding). */
import { age } from "../core/object-meta.ts";
import { path } from "../field.ts";
import type { Kind } from "../kind.ts";
import { bindingStrategy, type PolicyBinding } from "./binding.ts";
import { paramRefCell } from "./param-ref.ts";
import { validateMutatingOperations } from "./rules.ts";

const operations = path("spec", "matchResources", "resourceRules", "operations");

export const mutatingAdmissionPolicyBindingKind: Kind<PolicyBinding> = {
  resource: "mutatingadmissionpolicybindings.admissionregistration.k8s.io",
  ...bindingStrategy(({ spec }) => validateMutatingOperations(spec.matchResources?.resourceRules, operations)),
  cells: ({ metadata, spec }, now) => [metadata.name, spec.policyName ?? "", paramRefCell(spec.paramRef), age({ metadata }, now)],
};
