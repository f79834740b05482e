/** VolumeAttributesClasses (pkg/registry/storage/volumeattributesclass). */
import { age, validateMetadata, validateMetadataUpdate } from "../core/object-meta.ts";
import { semanticEqual } from "../core/semantic.ts";
import { type FieldError, forbiddenField, path } from "../field.ts";
import type { Kind } from "../kind.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import type { VolumeAttributesClass } from "../types/storage-v1.gen.ts";
import { validateParameters, validateProvisioner } from "./parameters.ts";

const rules = { namespaced: false, validateName: nameIsDNSSubdomain };

const validate = (item: VolumeAttributesClass): FieldError[] => [
  ...validateMetadata(item.metadata, rules),
  ...validateProvisioner(item.driverName ?? "", path("driverName")),
  ...validateParameters(item.parameters, false, path("parameters")),
];

export const volumeAttributesClassKind: Kind<VolumeAttributesClass> = {
  resource: "volumeattributesclasses.storage.k8s.io",
  validate,
  validateUpdate: (item, old) => [
    ...validateMetadataUpdate(item.metadata, old.metadata),
    ...((item.driverName ?? "") === (old.driverName ?? "") ? [] : [forbiddenField("driverName", "updates to driverName are forbidden.")]),
    ...(semanticEqual(item.parameters ?? {}, old.parameters ?? {}) ? [] : [forbiddenField("parameters", "updates to parameters are forbidden.")]),
    ...validate(item),
  ],
  cells: (item, now) => [item.metadata.name, item.driverName ?? "", age(item, now)],
};
