/** ReplicaSets (pkg/registry/apps/replicaset). */
import { validateNonNegative } from "../core/checks.ts";
import { age, validateMetadata, validateMetadataUpdate } from "../core/object-meta.ts";
import { setPodTemplateDefaults } from "../core/pod-defaults.ts";
import { dropDisabledPodFields } from "../core/pod-drop-disabled.ts";
import { type PodValidationOptions, podTemplateValidationOptions } from "../core/pod-options.ts";
import { validatePodTemplateSpec } from "../core/pod-spec.ts";
import { podTemplateWarnings } from "../core/pod-warnings.ts";
import { containerCells } from "../core/podtemplate.ts";
import { nameWarnings } from "../core/replicationcontroller.ts";
import { semanticEqual } from "../core/semantic.ts";
import { type FieldError, invalidValue, type Path, path } from "../field.ts";
import type { Kind } from "../kind.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import { formatLabelSelector } from "../selectors/labels.ts";
import type { ReplicaSet } from "../types/apps-v1.gen.ts";
import type { PodTemplateSpec } from "../types/core-v1.gen.ts";
import type { LabelSelector } from "../types/meta-v1.gen.ts";
import {
  compiledSelector,
  nonNegativeFields,
  notAbove,
  selectorMismatch,
  validateImmutable,
  validateLongRunning,
  validateRequiredSelector,
} from "./workload.ts";

const rules = { namespaced: true, validateName: nameIsDNSSubdomain };
const spec = path("spec");
const templatePath = spec.child("template");

/** Selector and template of ReplicaSets and of what makes them. */
export function validateSelectedTemplate(
  selector: LabelSelector | undefined,
  template: PodTemplateSpec,
  at: Path,
  options: PodValidationOptions,
): FieldError[] {
  const errors = validateRequiredSelector(selector, "deployment", at.child("selector"));
  const compiled = compiledSelector(selector);
  if (!compiled) return [...errors, invalidValue(at.child("selector"), selector, "invalid label selector")];
  const here = at.child("template");
  if (!compiled.empty && !compiled.matches(template.metadata?.labels)) errors.push(selectorMismatch(template, here));
  errors.push(...validatePodTemplateSpec(template, here, options), ...validateLongRunning(template, "ReplicaSet", here));
  return errors;
}

const validateSpec = ({ spec: s }: ReplicaSet, old?: ReplicaSet): FieldError[] => [
  ...validateNonNegative(s.replicas, spec.child("replicas")),
  ...validateNonNegative(s.minReadySeconds, spec.child("minReadySeconds")),
  ...validateSelectedTemplate(s.selector, s.template, spec, podTemplateValidationOptions(old?.spec.template)),
];

function validateStatus({ status }: ReplicaSet): FieldError[] {
  const at = path("status");
  const { replicas, readyReplicas } = status;
  const counts = ["replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas", "observedGeneration", "terminatingReplicas"] as const;
  return [
    ...nonNegativeFields(status, counts, at),
    ...notAbove(status, ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"], replicas, "cannot be greater than status.replicas", at),
    ...notAbove(status, ["availableReplicas"], readyReplicas, "cannot be greater than readyReplicas", at),
  ];
}

export const replicaSetKind: Kind<ReplicaSet> = {
  resource: "replicasets.apps",
  setDefaults(set) {
    set.spec ??= {} as ReplicaSet["spec"];
    set.spec.template ??= {} as PodTemplateSpec;
    set.status ??= { replicas: 0 };
    set.spec.replicas ??= 1;
    setPodTemplateDefaults(set.spec.template);
  },
  prepareForCreate(set) {
    set.status = { replicas: 0 };
    set.metadata.generation = 1;
    dropDisabledPodFields(set.spec.template.spec, undefined);
  },
  validate: (set) => [...validateMetadata(set.metadata, rules), ...validateSpec(set)],
  warnings: (set) => [...nameWarnings(set.metadata.name), ...podTemplateWarnings(set.spec.template, templatePath)],
  prepareForUpdate(set, old) {
    set.status = old.status;
    dropDisabledPodFields(set.spec.template.spec, old.spec.template.spec);
    if (!semanticEqual(set.spec, old.spec)) set.metadata.generation = (old.metadata.generation ?? 0) + 1;
  },
  validateUpdate: (set, old) => [
    ...validateMetadataUpdate(set.metadata, old.metadata),
    ...validateSpec(set, old),
    ...validateImmutable(set.spec.selector, old.spec.selector, spec.child("selector")),
  ],
  warningsOnUpdate: (set, old) => (set.metadata.generation === old.metadata.generation ? [] : podTemplateWarnings(set.spec.template, templatePath)),
  subresources: {
    status: {
      prepareForUpdate(set, old) {
        set.spec = old.spec;
      },
      validateUpdate: (set, old) => [...validateMetadataUpdate(set.metadata, old.metadata), ...validateStatus(set)],
    },
  },
  cells({ metadata, spec: s, status }, now) {
    return [
      metadata.name,
      s.replicas ?? 0,
      status?.replicas ?? 0,
      status?.readyReplicas ?? 0,
      age({ metadata }, now),
      ...containerCells(s.template.spec?.containers),
      formatLabelSelector(s.selector),
    ];
  },
};
