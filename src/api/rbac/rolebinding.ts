/** RoleBindings (pkg/registry/rbac/rolebinding). */
import { age, validateMetadata, validateMetadataUpdate } from "../core/object-meta.ts";
import type { FieldError } from "../field.ts";
import type { Kind } from "../kind.ts";
import type { RoleBinding } from "../types/rbac-v1.gen.ts";
import { rbacName, setBindingDefaults, subjectCells, validateRoleRef, validateRoleRefUpdate, validateSubjects } from "./policy-rules.ts";

const rules = { namespaced: true, validateName: rbacName };

const validate = (binding: RoleBinding): FieldError[] => [
  ...validateMetadata(binding.metadata, rules),
  ...validateRoleRef(binding.roleRef, ["Role", "ClusterRole"]),
  ...validateSubjects(binding.subjects, true),
];

export const roleBindingKind: Kind<RoleBinding> = {
  resource: "rolebindings.rbac.authorization.k8s.io",
  allowCreateOnUpdate: true,
  setDefaults: setBindingDefaults,
  validate,
  validateUpdate: (binding, old) => [
    ...validate(binding),
    ...validateMetadataUpdate(binding.metadata, old.metadata),
    ...validateRoleRefUpdate(binding.roleRef, old.roleRef),
  ],
  cells: (binding, now) => [binding.metadata.name, `${binding.roleRef.kind}/${binding.roleRef.name}`, age(binding, now), ...subjectCells(binding.subjects)],
};
