/** MutatingAdmissionPolicyBindings: known, and refused as long as admission does not evaluate policies. */
import { age } from "../core/object-meta.ts";
import type { Kind } from "../kind.ts";
import type { MutatingAdmissionPolicyBinding } from "../types/admissionregistration-v1.gen.ts";
import { paramRefCell } from "./param-ref.ts";

export const mutatingAdmissionPolicyBindingKind: Kind<MutatingAdmissionPolicyBinding> = {
  resource: "mutatingadmissionpolicybindings.admissionregistration.k8s.io",
  refused: "admission policies are not evaluated by this cluster yet",
  cells: ({ metadata, spec }, now) => [metadata.name, spec.policyName ?? "", paramRefCell(spec.paramRef), age({ metadata }, now)],
};
