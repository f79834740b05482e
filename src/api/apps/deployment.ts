/** Deployments (pkg/registry/apps/deployment). */
import { validateNonNegative } from "../core/checks.ts";
import { age, validateMetadata, validateMetadataUpdate } from "../core/object-meta.ts";
import { setPodTemplateDefaults } from "../core/pod-defaults.ts";
import { dropDisabledPodFields } from "../core/pod-drop-disabled.ts";
import { podTemplateValidationOptions } from "../core/pod-options.ts";
import { podTemplateWarnings } from "../core/pod-warnings.ts";
import { containerCells } from "../core/podtemplate.ts";
import { nameWarnings } from "../core/replicationcontroller.ts";
import { semanticEqual } from "../core/semantic.ts";
import { type FieldError, forbiddenField, invalidValue, notSupported, path, required } from "../field.ts";
import type { Kind } from "../kind.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import type { Deployment, DeploymentStrategy, RollingUpdateDeployment } from "../types/apps-v1.gen.ts";
import type { PodTemplateSpec } from "../types/core-v1.gen.ts";
import { validateSelectedTemplate } from "./replicaset.ts";
import {
  compiledSelector,
  intOrPercentValue,
  nonNegativeFields,
  notAbove,
  validateAtMostAll,
  validateCollisionCount,
  validateImmutable,
  validatePositiveIntOrPercent,
} from "./workload.ts";

const rules = { namespaced: true, validateName: nameIsDNSSubdomain };
const spec = path("spec");
const templatePath = spec.child("template");
const strategyPath = spec.child("strategy");

function validateRollingUpdate(update: RollingUpdateDeployment): FieldError[] {
  const at = strategyPath.child("rollingUpdate");
  const { maxUnavailable = 0, maxSurge = 0 } = update;
  const errors = [...validatePositiveIntOrPercent(maxUnavailable, at.child("maxUnavailable")), ...validatePositiveIntOrPercent(maxSurge, at.child("maxSurge"))];
  if (intOrPercentValue(maxUnavailable) === 0 && intOrPercentValue(maxSurge) === 0)
    errors.push(invalidValue(at.child("maxUnavailable"), maxUnavailable, "may not be 0 when `maxSurge` is 0"));
  return [...errors, ...validateAtMostAll(maxUnavailable, at.child("maxUnavailable"))];
}

function validateStrategy({ type = "", rollingUpdate }: DeploymentStrategy): FieldError[] {
  const at = strategyPath.child("rollingUpdate");
  if (type === "Recreate") return rollingUpdate ? [forbiddenField(at, "may not be specified when strategy `type` is 'Recreate'")] : [];
  if (type === "RollingUpdate") return rollingUpdate ? validateRollingUpdate(rollingUpdate) : [required(at, "this should be defaulted and never be nil")];
  const { maxUnavailable = 0, maxSurge = 0 } = rollingUpdate ?? {};
  // The form of upstream's internal type.
  const shown = { Type: type, RollingUpdate: rollingUpdate ? { MaxUnavailable: maxUnavailable, MaxSurge: maxSurge } : null };
  return [notSupported(strategyPath, shown, ["Recreate", "RollingUpdate"])];
}

function validateSpec({ spec: s }: Deployment, old?: Deployment): FieldError[] {
  const { progressDeadlineSeconds: deadline, minReadySeconds = 0 } = s;
  const errors = [
    ...validateNonNegative(s.replicas, spec.child("replicas")),
    ...validateSelectedTemplate(s.selector, s.template, spec, podTemplateValidationOptions(old?.spec.template)),
    ...validateStrategy(s.strategy),
    ...nonNegativeFields(s, ["minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"], spec),
  ];
  if (deadline !== undefined && deadline <= minReadySeconds)
    errors.push(invalidValue(spec.child("progressDeadlineSeconds"), deadline, "must be greater than minReadySeconds"));
  return errors;
}

function validateStatus({ status }: Deployment, old: Deployment): FieldError[] {
  const at = path("status");
  const { replicas, readyReplicas, collisionCount } = status;
  const counts = [
    "observedGeneration",
    "replicas",
    "updatedReplicas",
    "readyReplicas",
    "availableReplicas",
    "unavailableReplicas",
    "terminatingReplicas",
    "collisionCount",
  ] as const;
  return [
    ...nonNegativeFields(status, counts, at),
    ...notAbove(status, ["updatedReplicas", "readyReplicas", "availableReplicas"], replicas, "cannot be greater than status.replicas", at),
    ...notAbove(status, ["availableReplicas"], readyReplicas, "cannot be greater than readyReplicas", at),
    ...validateCollisionCount(collisionCount, old.status.collisionCount, at),
  ];
}

function setStrategyDefaults(strategy: DeploymentStrategy): void {
  strategy.type ||= "RollingUpdate";
  if (strategy.type !== "RollingUpdate") return;
  strategy.rollingUpdate ??= {};
  strategy.rollingUpdate.maxUnavailable ??= "25%";
  strategy.rollingUpdate.maxSurge ??= "25%";
}

export const deploymentKind: Kind<Deployment> = {
  resource: "deployments.apps",
  setDefaults(deployment) {
    deployment.spec ??= {} as Deployment["spec"];
    const s = deployment.spec;
    s.template ??= {} as PodTemplateSpec;
    s.strategy ??= {};
    deployment.status ??= {};
    s.replicas ??= 1;
    setStrategyDefaults(s.strategy);
    s.revisionHistoryLimit ??= 10;
    s.progressDeadlineSeconds ??= 600;
    setPodTemplateDefaults(s.template);
  },
  prepareForCreate(deployment) {
    deployment.status = {};
    deployment.metadata.generation = 1;
    dropDisabledPodFields(deployment.spec.template.spec, undefined);
  },
  validate: (deployment) => [...validateMetadata(deployment.metadata, rules), ...validateSpec(deployment)],
  warnings: (deployment) => [...nameWarnings(deployment.metadata.name), ...podTemplateWarnings(deployment.spec.template, templatePath)],
  prepareForUpdate(deployment, old) {
    deployment.status = old.status;
    dropDisabledPodFields(deployment.spec.template.spec, old.spec.template.spec);
    // Annotations are copied to the replica sets.
    const same = semanticEqual(deployment.spec, old.spec) && semanticEqual(deployment.metadata.annotations ?? {}, old.metadata.annotations ?? {});
    if (!same) deployment.metadata.generation = (old.metadata.generation ?? 0) + 1;
  },
  validateUpdate: (deployment, old) => [
    ...validateMetadataUpdate(deployment.metadata, old.metadata),
    ...validateSpec(deployment, old),
    ...validateImmutable(deployment.spec.selector, old.spec.selector, spec.child("selector")),
  ],
  warningsOnUpdate: (deployment, old) =>
    deployment.metadata.generation === old.metadata.generation ? [] : podTemplateWarnings(deployment.spec.template, templatePath),
  subresources: {
    status: {
      prepareForUpdate(deployment, old) {
        deployment.spec = old.spec;
        deployment.metadata.labels = old.metadata.labels;
      },
      validateUpdate: (deployment, old) => [...validateMetadataUpdate(deployment.metadata, old.metadata), ...validateStatus(deployment, old)],
    },
  },
  cells({ metadata, spec: s, status = {} }, now) {
    const selector = compiledSelector(s.selector);
    return [
      metadata.name,
      `${status.readyReplicas ?? 0}/${s.replicas ?? 0}`,
      status.updatedReplicas ?? 0,
      status.availableReplicas ?? 0,
      age({ metadata }, now),
      ...containerCells(s.template.spec?.containers),
      selector ? selector.toString() : "<invalid>",
    ];
  },
};
