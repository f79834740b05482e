/** Roles (pkg/registry/rbac/role). */
import { validateMetadata, validateMetadataUpdate } from "../core/object-meta.ts";
import type { FieldError } from "../field.ts";
import type { Kind } from "../kind.ts";
import type { Role } from "../types/rbac-v1.gen.ts";
import { rbacName, validatePolicyRules } from "./policy-rules.ts";

const rules = { namespaced: true, validateName: rbacName };
const validate = (role: Role): FieldError[] => [...validateMetadata(role.metadata, rules), ...validatePolicyRules(role.rules, true)];

export const roleKind: Kind<Role> = {
  resource: "roles.rbac.authorization.k8s.io",
  allowCreateOnUpdate: true,
  validate,
  validateUpdate: (role, old) => [...validate(role), ...validateMetadataUpdate(role.metadata, old.metadata)],
};
