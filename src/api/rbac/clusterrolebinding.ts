/** ClusterRoleBindings (pkg/registry/rbac/clusterrolebinding). */
import { age, validateMetadata, validateMetadataUpdate } from "../core/object-meta.ts";
import type { FieldError } from "../field.ts";
import type { Kind } from "../kind.ts";
import type { ClusterRoleBinding } from "../types/rbac-v1.gen.ts";
import { rbacName, setBindingDefaults, subjectCells, validateRoleRef, validateRoleRefUpdate, validateSubjects } from "./policy-rules.ts";

const rules = { namespaced: false, validateName: rbacName };

const validate = (binding: ClusterRoleBinding): FieldError[] => [
  ...validateMetadata(binding.metadata, rules),
  ...validateRoleRef(binding.roleRef, ["ClusterRole"]),
  ...validateSubjects(binding.subjects, false),
];

export const clusterRoleBindingKind: Kind<ClusterRoleBinding> = {
  resource: "clusterrolebindings.rbac.authorization.k8s.io",
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
