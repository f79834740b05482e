/** ResourceClaimTemplates (pkg/registry/resource/resourceclaimtemplate). */
import { validateImmutable } from "../apps/workload.ts";
import { internalForm } from "../core/internal-types.ts";
import { age, validateMetadata, validateMetadataUpdate } from "../core/object-meta.ts";
import { validateTemplateMetadata } from "../core/persistentvolumeclaim-spec.ts";
import { type FieldError, path } from "../field.ts";
import type { Kind } from "../kind.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import type { ResourceClaimTemplate } from "../types/resource-v1.gen.ts";
import { defaultDeviceClaim, validateDeviceClaim } from "./device-claim.ts";

const rules = { namespaced: true, validateName: nameIsDNSSubdomain };
const at = path("spec");

const validate = ({ metadata, spec }: ResourceClaimTemplate): FieldError[] => [
  ...validateMetadata(metadata, rules),
  ...validateTemplateMetadata(spec.metadata ?? {}, at.child("metadata")),
  ...validateDeviceClaim(spec.spec?.devices ?? {}, at.child("spec", "devices")),
];

export const resourceClaimTemplateKind: Kind<ResourceClaimTemplate> = {
  resource: "resourceclaimtemplates.resource.k8s.io",
  setDefaults: ({ spec }) => defaultDeviceClaim(spec.spec?.devices ?? {}),
  validate,
  validateUpdate: (item, old) => [
    ...validate(item),
    ...validateMetadataUpdate(item.metadata, old.metadata),
    ...validateImmutable(item.spec, old.spec, at, { ...item.spec.metadata, Spec: internalForm("ResourceClaimSpec", item.spec.spec ?? {}) }),
  ],
  cells: (item, now) => [item.metadata.name, age(item, now)],
};
