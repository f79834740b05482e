/** Namespaces (pkg/registry/core/namespace). */
import { type FieldError, path, invalidNamed } from "../field.ts";
import type { Kind } from "../kind.ts";
import { nameIsDNSLabel } from "../meta/names.ts";
import { validateFinalizerName } from "../meta/validation.ts";
import type { Namespace } from "../types/core-v1.gen.ts";
import { age, validateKubeFinalizer, validateMetadata, validateMetadataUpdate } from "./object-meta.ts";

const rules = { namespaced: false, validateName: nameIsDNSLabel };
const nameLabel = "kubernetes.io/metadata.name";

function setNameLabel(namespace: Namespace): void {
  if (!namespace.metadata.name) return;
  namespace.metadata.labels ??= {};
  namespace.metadata.labels[nameLabel] = namespace.metadata.name;
}

function validateNamespace(namespace: Namespace): FieldError[] {
  const at = path("spec", "finalizers");
  const finalizers = namespace.spec?.finalizers ?? [];
  return [
    ...validateMetadata(namespace.metadata, rules),
    ...finalizers.flatMap((name) => [...validateFinalizerName(name, at), ...validateKubeFinalizer(name, at)]),
  ];
}

export const namespaceKind: Kind<Namespace> = {
  resource: "namespaces",
  validateName: nameIsDNSLabel,
  setDefaults(namespace) {
    setNameLabel(namespace);
    namespace.spec ??= {};
    namespace.status ??= {};
    namespace.status.phase ||= "Active";
  },
  prepareForCreate(namespace) {
    namespace.status = { phase: "Active" };
    namespace.spec ??= {};
    const finalizers = namespace.spec.finalizers ?? [];
    if (!finalizers.includes("kubernetes")) namespace.spec.finalizers = [...finalizers, "kubernetes"];
    // A generated name is known only now.
    setNameLabel(namespace);
  },
  validate: validateNamespace,
  prepareForUpdate(namespace, old) {
    namespace.spec = { ...namespace.spec, finalizers: old.spec.finalizers };
    namespace.status = old.status;
    setNameLabel(namespace);
  },
  validateUpdate: (namespace, old) => [...validateNamespace(namespace), ...validateMetadataUpdate(namespace.metadata, old.metadata)],
  subresources: {
    status: {
      prepareForUpdate(namespace, old) {
        namespace.spec = old.spec;
      },
      validateUpdate(namespace, old) {
        const errors = validateMetadataUpdate(namespace.metadata, old.metadata);
        const deleting = namespace.metadata.deletionTimestamp !== undefined;
        const phase = namespace.status.phase ?? "";
        if (phase === (deleting ? "Terminating" : "Active")) return errors;
        const why = deleting ? "may only be 'Terminating' if `deletionTimestamp` is not empty" : "may only be 'Active' if `deletionTimestamp` is empty";
        return [...errors, invalidNamed(path("status", "Phase"), phase, why)];
      },
    },
    finalize: {
      prepareForUpdate(namespace, old) {
        namespace.status = old.status;
      },
      validateUpdate(namespace, old) {
        const at = path("spec", "finalizers");
        return [
          ...validateMetadataUpdate(namespace.metadata, old.metadata),
          ...(namespace.spec.finalizers ?? []).flatMap((name, i) => [...validateFinalizerName(name, at.index(i)), ...validateKubeFinalizer(name, at.index(i))]),
        ];
      },
    },
  },
  fields: (namespace) => ({ "status.phase": namespace.status?.phase ?? "", name: namespace.metadata.name }),
  cells: (namespace, now) => [namespace.metadata.name, namespace.status?.phase ?? "", age(namespace, now)],
};
