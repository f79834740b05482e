/** ClusterRoles (pkg/registry/rbac/clusterrole). */
import { compiledSelector } from "../apps/workload.ts";
import { validateMetadata, validateMetadataUpdate } from "../core/object-meta.ts";
import { type FieldError, invalidValue, path, required } from "../field.ts";
import type { Kind } from "../kind.ts";
import { validateLabelSelector } from "../meta/labels.ts";
import type { ClusterRole } from "../types/rbac-v1.gen.ts";
import { rbacName, validatePolicyRules } from "./policy-rules.ts";

const rules = { namespaced: false, validateName: rbacName };
const at = path("aggregationRule", "clusterRoleSelectors");

function validate(role: ClusterRole, allowInvalidLabelValue = false): FieldError[] {
  const errors = [...validateMetadata(role.metadata, rules), ...validatePolicyRules(role.rules, false)];
  if (!role.aggregationRule) return errors;
  const selectors = role.aggregationRule.clusterRoleSelectors ?? [];
  if (!selectors.length) errors.push(required(at, "at least one clusterRoleSelector required if aggregationRule is non-nil"));
  for (const [i, selector] of selectors.entries()) {
    errors.push(...validateLabelSelector(selector, { allowInvalidLabelValue }, at.index(i)));
    if (!compiledSelector(selector)) errors.push(invalidValue(at.index(i), null, "invalid label selector."));
  }
  return errors;
}

const hadInvalidSelector = ({ aggregationRule }: ClusterRole): boolean =>
  (aggregationRule?.clusterRoleSelectors ?? []).some((selector) => validateLabelSelector(selector, {}, at).length > 0);

export const clusterRoleKind: Kind<ClusterRole> = {
  resource: "clusterroles.rbac.authorization.k8s.io",
  allowCreateOnUpdate: true,
  validate: (role) => validate(role),
  validateUpdate: (role, old) => [...validate(role, hadInvalidSelector(old)), ...validateMetadataUpdate(role.metadata, old.metadata)],
};
