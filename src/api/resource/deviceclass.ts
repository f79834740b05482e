/** DeviceClasses (pkg/registry/resource/deviceclass). */
import { semanticEqual } from "../core/semantic.ts";
import { age, validateMetadata, validateMetadataUpdate } from "../core/object-meta.ts";
import { isExtendedResource } from "../core/resource-names.ts";
import { type FieldError, invalidValue, path } from "../field.ts";
import type { Kind } from "../kind.ts";
import { nameIsLong } from "../meta/names.ts";
import type { DeviceClass } from "../types/resource-v1.gen.ts";
import { validateSlice } from "./collections.ts";
import { maxConfigs } from "./device-claim.ts";
import { validateConfiguration, validateSelectors } from "./device-config.ts";

const rules = { namespaced: false, validateName: nameIsLong };
const at = path("spec");

function validateSpec({ spec }: DeviceClass, old?: DeviceClass): FieldError[] {
  const { selectors, config, extendedResourceName } = spec;
  const stored = old !== undefined && semanticEqual(config, old.spec.config);
  const errors = [
    ...validateSelectors(selectors, at.child("selectors")),
    ...validateSlice(config, maxConfigs, (one, here) => validateConfiguration(one, here, stored), at.child("config")),
  ];
  if (extendedResourceName !== undefined && !isExtendedResource(extendedResourceName))
    errors.push(invalidValue(at.child("extendedResourceName"), extendedResourceName, "must be a valid extended resource name"));
  return errors;
}

export const deviceClassKind: Kind<DeviceClass> = {
  resource: "deviceclasses.resource.k8s.io",
  prepareForCreate(item) {
    item.metadata.generation = 1;
  },
  prepareForUpdate(item, old) {
    if (!semanticEqual(item.spec, old.spec)) item.metadata.generation = (old.metadata.generation ?? 0) + 1;
  },
  validate: (item) => [...validateMetadata(item.metadata, rules), ...validateSpec(item)],
  validateUpdate: (item, old) => [
    ...validateMetadata(item.metadata, rules),
    ...validateMetadataUpdate(item.metadata, old.metadata),
    ...validateSpec(item, old),
  ],
  cells: (item, now) => [item.metadata.name, age(item, now)],
};
