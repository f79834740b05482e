/** PodTemplates (pkg/registry/core/podtemplate). */
import { path } from "../field.ts";
import type { Kind } from "../kind.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import type { Container, PodTemplate } from "../types/core-v1.gen.ts";
import { formatLabels, validateMetadata, validateMetadataUpdate } from "./object-meta.ts";
import { setPodTemplateDefaults } from "./pod-defaults.ts";
import { dropDisabledPodFields } from "./pod-drop-disabled.ts";
import { podTemplateValidationOptions } from "./pod-options.ts";
import { validatePodTemplateSpec } from "./pod-spec.ts";
import { podTemplateWarnings } from "./pod-warnings.ts";
import { semanticEqual } from "./semantic.ts";

const rules = { namespaced: true, validateName: nameIsDNSSubdomain };
const at = path("template");

/** Names and images, one cell each. */
export const containerCells = (containers: Container[] | undefined): [string, string] => [
  (containers ?? []).map((container) => container.name).join(","),
  (containers ?? []).map((container) => container.image ?? "").join(","),
];

export const podTemplateKind: Kind<PodTemplate> = {
  resource: "podtemplates",
  setDefaults(object) {
    object.template ??= {} as PodTemplate["template"];
    setPodTemplateDefaults(object.template);
  },
  prepareForCreate(object) {
    object.metadata.generation = 1;
    dropDisabledPodFields(object.template.spec, undefined);
  },
  validate: (object) => [...validateMetadata(object.metadata, rules), ...validatePodTemplateSpec(object.template, at, podTemplateValidationOptions())],
  warnings: (object) => podTemplateWarnings(object.template, at),
  prepareForUpdate(object, old) {
    dropDisabledPodFields(object.template.spec, old.template.spec);
    if (!semanticEqual(object.template, old.template)) object.metadata.generation = (old.metadata.generation ?? 0) + 1;
  },
  validateUpdate: (object, old) => [
    ...validateMetadataUpdate(object.metadata, old.metadata),
    ...validatePodTemplateSpec(object.template, at, podTemplateValidationOptions(old.template)),
  ],
  warningsOnUpdate: (object, old) => (object.metadata.generation === old.metadata.generation ? [] : podTemplateWarnings(object.template, at)),
  cells: ({ metadata, template }) => [metadata.name, ...containerCells(template.spec?.containers), formatLabels(template.metadata?.labels)],
};
