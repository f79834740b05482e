/** StatefulSets (pkg/registry/apps/statefulset). */
import { validateDNSLabel, validateNonNegative } from "../core/checks.ts";
import { age, validateMetadata, validateMetadataUpdate } from "../core/object-meta.ts";
import { validateClaimSpec } from "../core/persistentvolumeclaim-spec.ts";
import { claimSpecWarnings, setClaimDefaults } from "../core/persistentvolumeclaim.ts";
import { validatePodAnnotations } from "../core/pod-annotations.ts";
import { setPodTemplateDefaults } from "../core/pod-defaults.ts";
import { dropDisabledPodFields } from "../core/pod-drop-disabled.ts";
import { type PodValidationOptions, podTemplateValidationOptions } from "../core/pod-options.ts";
import { validatePodTemplateSpec } from "../core/pod-spec.ts";
import { podTemplateWarnings } from "../core/pod-warnings.ts";
import { containerCells } from "../core/podtemplate.ts";
import { semanticEqual } from "../core/semantic.ts";
import { type FieldError, forbiddenField, invalidValue, notSupported, type Path, path, required, invalidNamed } from "../field.ts";
import type { Kind } from "../kind.ts";
import { validateLabels } from "../meta/labels.ts";
import { nameIsDNSLabel } from "../meta/names.ts";
import { validateAnnotations } from "../meta/validation.ts";
import type { StatefulSet, StatefulSetSpec, StatefulSetUpdateStrategy } from "../types/apps-v1.gen.ts";
import type { PodTemplateSpec } from "../types/core-v1.gen.ts";
import {
  compiledSelector,
  intOrPercentValue,
  nonNegativeFields,
  notAbove,
  selectorMismatch,
  validateAtMostAll,
  validateCollisionCount,
  validateLongRunning,
  validatePositiveIntOrPercent,
  validateRequiredSelector,
} from "./workload.ts";

const rules = { namespaced: true, validateName: nameIsDNSLabel };
const spec = path("spec");
const templatePath = spec.child("template");
const claimsPath = spec.child("volumeClaimTemplates");

/** The form of upstream's internal type. */
const shownUpdate = ({ partition = 0, maxUnavailable }: NonNullable<StatefulSetUpdateStrategy["rollingUpdate"]>): object => ({
  Partition: partition,
  MaxUnavailable: maxUnavailable ?? null,
});

function validateUpdateStrategy({ type = "", rollingUpdate }: StatefulSetUpdateStrategy, at: Path): FieldError[] {
  const here = at.child("rollingUpdate");
  if (type === "") return [required(at)];
  if (type === "OnDelete") return rollingUpdate ? [invalidValue(here, shownUpdate(rollingUpdate), "only allowed for updateStrategy 'RollingUpdate'")] : [];
  if (type !== "RollingUpdate")
    return [invalidValue(at, { Type: type, RollingUpdate: rollingUpdate ? shownUpdate(rollingUpdate) : null }, "must be 'RollingUpdate' or 'OnDelete'")];
  if (!rollingUpdate) return [];
  const { partition, maxUnavailable } = rollingUpdate;
  const errors = validateNonNegative(partition, here.child("partition"));
  if (maxUnavailable === undefined) return errors;
  const atMax = here.child("maxUnavailable");
  errors.push(...validatePositiveIntOrPercent(maxUnavailable, atMax));
  if (intOrPercentValue(maxUnavailable) === 0) errors.push(invalidValue(atMax, maxUnavailable, "cannot be 0"));
  return [...errors, ...validateAtMostAll(maxUnavailable, atMax)];
}

/** The template as the controller will use it: the claims stand in for volumes, and host names are its own. */
function effectiveTemplate({ template, volumeClaimTemplates = [] }: StatefulSetSpec): PodTemplateSpec {
  const { subdomain: _subdomain, hostname: _hostname, ...rest } = template.spec;
  if (!volumeClaimTemplates.length) return { ...template, spec: rest };
  const names = [...new Set(volumeClaimTemplates.map((claim) => claim.metadata?.name ?? ""))];
  const volumes = [
    ...names.map((name) => ({ name, persistentVolumeClaim: { claimName: name } })),
    ...(template.spec.volumes ?? []).filter((volume) => !names.includes(volume.name)),
  ];
  return { ...template, spec: { ...rest, volumes } };
}

interface Leniency {
  /** What cannot change any more is not held against an update. */
  update?: boolean;
  /** Neither is a template that was bad before. */
  anyTemplate?: boolean;
}

function validateTemplate(set: StatefulSetSpec, options: PodValidationOptions, leniency: Leniency): FieldError[] {
  const compiled = compiledSelector(set.selector);
  if (!compiled) return [invalidValue(spec.child("selector"), set.selector, "")];
  const template = effectiveTemplate(set);
  const labels = template.metadata?.labels;
  const errors: FieldError[] = compiled.empty || compiled.matches(labels) ? [] : [selectorMismatch(template, templatePath)];
  if (!leniency.anyTemplate) errors.push(...validatePodTemplateSpec(template, templatePath, options));
  errors.push(...validateLabels(labels ?? {}, templatePath.child("labels")));
  const annotations = template.metadata?.annotations;
  errors.push(...validateAnnotations(annotations ?? {}, templatePath.child("annotations")));
  errors.push(...validatePodAnnotations(annotations, template.spec, templatePath.child("annotations"), options));
  return errors;
}

function validateSpec(set: StatefulSetSpec, options: PodValidationOptions, leniency: Leniency): FieldError[] {
  const errors: FieldError[] = [];
  const { podManagementPolicy: policy = "" } = set;
  if (policy === "") errors.push(required(spec.child("podManagementPolicy")));
  else if (policy !== "OrderedReady" && policy !== "Parallel")
    errors.push(invalidNamed(spec.child("podManagementPolicy"), policy, "must be 'OrderedReady' or 'Parallel'"));
  errors.push(...validateUpdateStrategy(set.updateStrategy, spec.child("updateStrategy")));
  const retention = set.persistentVolumeClaimRetentionPolicy;
  for (const field of ["whenDeleted", "whenScaled"] as const) {
    const value = retention?.[field] ?? "";
    if (retention && value !== "Retain" && value !== "Delete")
      errors.push(notSupported(spec.child("persistentVolumeClaimRetentionPolicy", field), value, ["Retain", "Delete"]));
  }
  if (!leniency.update)
    errors.push(
      ...(set.volumeClaimTemplates ?? []).flatMap((claim, i) => validateClaimSpec(claim.spec ?? { resources: {} }, claimsPath.index(i).child("spec"), {})),
    );
  errors.push(...nonNegativeFields(set, ["replicas", "minReadySeconds"], spec), ...validateNonNegative(set.ordinals?.start, spec.child("ordinals.start")));
  if (!leniency.update && set.serviceName) errors.push(...validateDNSLabel(set.serviceName, spec.child("serviceName")));
  errors.push(...validateRequiredSelector(set.selector, "statefulset", spec.child("selector")));
  errors.push(...validateTemplate(set, options, leniency), ...validateLongRunning(set.template, "StatefulSet", templatePath));
  return errors;
}

const mutable = [
  "replicas",
  "template",
  "updateStrategy",
  "minReadySeconds",
  "ordinals",
  "revisionHistoryLimit",
  "persistentVolumeClaimRetentionPolicy",
] as const;

function fixed(set: StatefulSetSpec): object {
  const rest = { ...set } as Partial<StatefulSetSpec>;
  for (const field of mutable) delete rest[field];
  return { ...rest, volumeClaimTemplates: rest.volumeClaimTemplates?.length ? rest.volumeClaimTemplates : undefined };
}

function validateUpdate(set: StatefulSet, old: StatefulSet): FieldError[] {
  const options = podTemplateValidationOptions(old.spec.template);
  const anyTemplate = validateSpec(old.spec, options, { update: true }).length > 0;
  const errors = [...validateMetadataUpdate(set.metadata, old.metadata), ...validateSpec(set.spec, options, { update: true, anyTemplate })];
  if (!semanticEqual(fixed(set.spec), fixed(old.spec))) {
    const why =
      "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
    errors.push(forbiddenField(spec, why));
  }
  return errors;
}

function validateStatus({ status }: StatefulSet): FieldError[] {
  const at = path("status");
  const { replicas, readyReplicas } = status;
  const counts = ["replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas", "observedGeneration", "collisionCount"] as const;
  const bounded = ["readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"] as const;
  return [
    ...nonNegativeFields(status, counts, at),
    ...notAbove(status, bounded, replicas, "cannot be greater than status.replicas", at),
    ...notAbove(status, ["availableReplicas"], readyReplicas, "cannot be greater than status.readyReplicas", at),
  ];
}

/** `at`: where upstream says that a claim's spec is. */
function claimWarnings(set: StatefulSet, at: (claim: Path) => Path): string[] {
  const warnings = (set.spec.volumeClaimTemplates ?? []).flatMap((claim, i) => claimSpecWarnings(claim.spec, at(claimsPath.index(i))));
  if ((set.spec.revisionHistoryLimit ?? 0) < 0)
    warnings.push("spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended");
  return warnings;
}

function setUpdateDefaults(strategy: StatefulSetUpdateStrategy): void {
  if (!strategy.type) {
    strategy.type = "RollingUpdate";
    strategy.rollingUpdate ??= {};
  }
  if (strategy.type === "RollingUpdate" && strategy.rollingUpdate) strategy.rollingUpdate.partition ??= 0;
}

/** A share of pods that may be missing needs a feature that v1.36 has switched off. */
function dropMaxUnavailable(set: StatefulSet, old?: StatefulSet): void {
  if (old?.spec.updateStrategy.rollingUpdate?.maxUnavailable === undefined) delete set.spec.updateStrategy.rollingUpdate?.maxUnavailable;
}

const noStatus = (): StatefulSet["status"] => ({ replicas: 0, availableReplicas: 0 });

export const statefulSetKind: Kind<StatefulSet> = {
  resource: "statefulsets.apps",
  setDefaults(set) {
    set.spec ??= {} as StatefulSetSpec;
    const s = set.spec;
    s.template ??= {} as PodTemplateSpec;
    s.updateStrategy ??= {};
    set.status ??= noStatus();
    s.podManagementPolicy ||= "OrderedReady";
    setUpdateDefaults(s.updateStrategy);
    s.persistentVolumeClaimRetentionPolicy ??= {};
    s.persistentVolumeClaimRetentionPolicy.whenDeleted ||= "Retain";
    s.persistentVolumeClaimRetentionPolicy.whenScaled ||= "Retain";
    s.replicas ??= 1;
    s.revisionHistoryLimit ??= 10;
    setPodTemplateDefaults(s.template);
    for (const claim of s.volumeClaimTemplates ?? []) {
      claim.kind = "PersistentVolumeClaim";
      claim.apiVersion = "v1";
      setClaimDefaults(claim);
    }
  },
  prepareForCreate(set) {
    set.status = noStatus();
    set.metadata.generation = 1;
    dropMaxUnavailable(set);
    dropDisabledPodFields(set.spec.template.spec, undefined);
  },
  validate: (set) => [...validateMetadata(set.metadata, rules), ...validateSpec(set.spec, podTemplateValidationOptions(), {})],
  warnings: (set) => [...podTemplateWarnings(set.spec.template, templatePath), ...claimWarnings(set, (claim) => claim)],
  prepareForUpdate(set, old) {
    set.status = old.status;
    dropMaxUnavailable(set, old);
    dropDisabledPodFields(set.spec.template.spec, old.spec.template.spec);
    if (!semanticEqual(set.spec, old.spec)) set.metadata.generation = (old.metadata.generation ?? 0) + 1;
  },
  validateUpdate,
  warningsOnUpdate: (set, old) => [
    ...(set.metadata.generation === old.metadata.generation ? [] : podTemplateWarnings(set.spec.template, templatePath)),
    ...claimWarnings(set, (claim) => claim.child("Spec")),
  ],
  subresources: {
    status: {
      prepareForUpdate(set, old) {
        set.spec = old.spec;
      },
      validateUpdate: (set, old) => [
        ...validateStatus(set),
        ...validateMetadataUpdate(set.metadata, old.metadata),
        ...validateCollisionCount(set.status.collisionCount, old.status.collisionCount, path("status")),
      ],
    },
  },
  cells: ({ metadata, spec: s, status }, now) => [
    metadata.name,
    `${status?.readyReplicas ?? 0}/${s.replicas ?? 0}`,
    age({ metadata }, now),
    ...containerCells(s.template.spec?.containers),
  ],
};
