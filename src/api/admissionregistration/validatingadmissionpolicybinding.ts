/** ValidatingAdmissionPolicyBindings (pkg/registry/admissionregistration/validatingadmissionpolicybinding). */
import { age } from "../core/object-meta.ts";
import { duplicateNamed, type FieldError, invalidValue, notSupported, path, required } from "../field.ts";
import type { Kind } from "../kind.ts";
import { bindingStrategy, type PolicyBinding } from "./binding.ts";
import { paramRefCell } from "./param-ref.ts";

const actions = ["Audit", "Deny", "Warn"];
const repeats = "repeating the same validation failure information in the API response and headers serves no purpose";

function validateActions({ spec: { validationActions: chosen = [] } }: PolicyBinding): FieldError[] {
  const at = path("spec", "validationActions");
  const errors: FieldError[] = [];
  for (const [i, action] of chosen.entries()) {
    if (!actions.includes(action)) errors.push(notSupported(at.index(i), action, actions));
    if (chosen.indexOf(action) < i) errors.push(duplicateNamed(at.index(i), action));
  }
  if (chosen.includes("Deny") && chosen.includes("Warn")) errors.push(invalidValue(at, chosen, `must not contain both Deny and Warn (${repeats})`));
  if (!chosen.length) errors.push(required(at, "at least one validation action is required"));
  return errors;
}

export const validatingAdmissionPolicyBindingKind: Kind<PolicyBinding> = {
  resource: "validatingadmissionpolicybindings.admissionregistration.k8s.io",
  ...bindingStrategy(validateActions),
  cells: ({ metadata, spec }, now) => [metadata.name, spec.policyName ?? "", paramRefCell(spec.paramRef), age({ metadata }, now)],
};
