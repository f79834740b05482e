/** MutatingAdmissionPolicies: known, and refused as long as admission does not evaluate them. */
import { age } from "../core/object-meta.ts";
import type { Kind } from "../kind.ts";
import type { MutatingAdmissionPolicy } from "../types/admissionregistration-v1.gen.ts";
import { paramKindCell } from "./param-ref.ts";

export const mutatingAdmissionPolicyKind: Kind<MutatingAdmissionPolicy> = {
  resource: "mutatingadmissionpolicies.admissionregistration.k8s.io",
  refused: "admission policies are not evaluated by this cluster yet",
  cells: ({ metadata, spec }, now) => [metadata.name, spec.mutations?.length ?? 0, paramKindCell(spec.paramKind), age({ metadata }, now)],
};
