/** ReplicationControllers (pkg/registry/core/replicationcontroller). */
import { type FieldError, forbiddenField, invalidValue, notSupported, path, required } from "../field.ts";
import type { Kind } from "../kind.ts";
import { nameIsLong } from "../meta/names.ts";
import { isDNS1123Label } from "../names.ts";
import { selectorFromSet } from "../selectors/labels.ts";
import type { ReplicationController } from "../types/core-v1.gen.ts";
import { validateNonNegative } from "./checks.ts";
import { age, formatLabels, validateMetadata, validateMetadataUpdate } from "./object-meta.ts";
import { setPodTemplateDefaults } from "./pod-defaults.ts";
import { dropDisabledPodFields } from "./pod-drop-disabled.ts";
import { podTemplateValidationOptions } from "./pod-options.ts";
import { validatePodTemplateSpec } from "./pod-spec.ts";
import { podTemplateWarnings } from "./pod-warnings.ts";
import { containerCells } from "./podtemplate.ts";
import { semanticEqual } from "./semantic.ts";

const rules = { namespaced: true, validateName: nameIsLong };
const spec = path("spec");
const templatePath = spec.child("template");

function validateSpec(controller: ReplicationController, old: ReplicationController | undefined): FieldError[] {
  const { minReadySeconds, selector = {}, replicas, template } = controller.spec;
  const errors = validateNonNegative(minReadySeconds, spec.child("minReadySeconds"));
  const selects = Object.keys(selector).length > 0;
  if (!selects) errors.push(required(spec.child("selector")));
  if (replicas === undefined) errors.push(required(spec.child("replicas")));
  else errors.push(...validateNonNegative(replicas, spec.child("replicas")));
  if (!template) return [...errors, required(templatePath)];
  const labels = template.metadata?.labels;
  if (selects && !selectorFromSet(selector).matches(labels))
    errors.push(invalidValue(templatePath.child("metadata", "labels"), labels ?? null, "`selector` does not match template `labels`"));
  errors.push(...validatePodTemplateSpec(template, templatePath, podTemplateValidationOptions(old?.spec.template)));
  const policy = template.spec.restartPolicy ?? "";
  if (policy !== "Always") errors.push(notSupported(templatePath.child("spec", "restartPolicy"), policy, ["Always"]));
  if (template.spec.activeDeadlineSeconds !== undefined)
    errors.push(forbiddenField(templatePath.child("spec", "activeDeadlineSeconds"), "activeDeadlineSeconds in ReplicationController is not Supported"));
  return errors;
}

function validateStatus(controller: ReplicationController): FieldError[] {
  const at = path("status");
  const status = controller.status ?? { replicas: 0 };
  const errors: FieldError[] = [];
  for (const field of ["replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas", "observedGeneration"] as const)
    errors.push(...validateNonNegative(status[field], at.child(field)));
  const count = (field: "fullyLabeledReplicas" | "readyReplicas" | "availableReplicas" | "replicas"): number => status[field] ?? 0;
  for (const field of ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"] as const) {
    if (count(field) > count("replicas")) errors.push(invalidValue(at.child(field), count(field), "cannot be greater than status.replicas"));
  }
  if (count("availableReplicas") > count("readyReplicas"))
    errors.push(invalidValue(at.child("availableReplicas"), count("availableReplicas"), "cannot be greater than readyReplicas"));
  return errors;
}

/** The name becomes part of host names; `messages` as Go prints a list. */
export function nameWarnings(name: string): string[] {
  const wrong = isDNS1123Label(name);
  if (!wrong.length) return [];
  const why = "this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended";
  return [`metadata.name: ${why}: [${wrong.join(" ")}]`];
}

export const replicationControllerKind: Kind<ReplicationController> = {
  resource: "replicationcontrollers",
  setDefaults(controller) {
    controller.spec ??= {};
    controller.status ??= { replicas: 0 };
    const template = controller.spec.template;
    const labels = template?.metadata?.labels;
    if (labels && Object.keys(labels).length) {
      if (!Object.keys(controller.spec.selector ?? {}).length) controller.spec.selector = { ...labels };
      if (!Object.keys(controller.metadata.labels ?? {}).length) controller.metadata.labels = { ...labels };
    }
    controller.spec.replicas ??= 1;
    if (template) setPodTemplateDefaults(template);
  },
  prepareForCreate(controller) {
    controller.status = { replicas: 0 };
    controller.metadata.generation = 1;
    dropDisabledPodFields(controller.spec.template?.spec, undefined);
  },
  validate: (controller) => [...validateMetadata(controller.metadata, rules), ...validateSpec(controller, undefined)],
  warnings: (controller) => [...nameWarnings(controller.metadata.name), ...podTemplateWarnings(controller.spec.template, templatePath)],
  prepareForUpdate(controller, old) {
    controller.status = old.status;
    dropDisabledPodFields(controller.spec.template?.spec, old.spec.template?.spec);
    if (!semanticEqual(controller.spec, old.spec)) controller.metadata.generation = (old.metadata.generation ?? 0) + 1;
  },
  validateUpdate: (controller, old) => [...validateMetadataUpdate(controller.metadata, old.metadata), ...validateSpec(controller, old)],
  // Upstream warns about the template that was there before.
  warningsOnUpdate: (controller, old) =>
    controller.metadata.generation === old.metadata.generation ? [] : podTemplateWarnings(old.spec.template, templatePath),
  subresources: {
    status: {
      prepareForUpdate(controller, old) {
        controller.spec = old.spec;
      },
      validateUpdate: (controller, old) => [...validateMetadataUpdate(controller.metadata, old.metadata), ...validateStatus(controller)],
    },
  },
  fields: (controller) => ({ "status.replicas": String(controller.status?.replicas ?? 0) }),
  cells(controller, now) {
    const { spec: s, status } = controller;
    return [
      controller.metadata.name,
      s.replicas ?? 0,
      status?.replicas ?? 0,
      status?.readyReplicas ?? 0,
      age(controller, now),
      ...containerCells(s.template?.spec?.containers),
      formatLabels(s.selector),
    ];
  },
};
