/** DaemonSets (pkg/registry/apps/daemonset). */
import { age, formatLabels, validateMetadata, validateMetadataUpdate } from "../core/object-meta.ts";
import { setPodTemplateDefaults } from "../core/pod-defaults.ts";
import { dropDisabledPodFields } from "../core/pod-drop-disabled.ts";
import { podTemplateValidationOptions } from "../core/pod-options.ts";
import { validatePodTemplateSpec } from "../core/pod-spec.ts";
import { podTemplateWarnings } from "../core/pod-warnings.ts";
import { containerCells } from "../core/podtemplate.ts";
import { semanticEqual } from "../core/semantic.ts";
import { type FieldError, invalidValue, notSupported, path, required } from "../field.ts";
import { goQuote } from "../go-quote.ts";
import type { Kind } from "../kind.ts";
import { hasInvalidLabelValue, validateLabelSelector } from "../meta/labels.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import { formatLabelSelector } from "../selectors/labels.ts";
import type { DaemonSet, DaemonSetStatus, DaemonSetUpdateStrategy, RollingUpdateDaemonSet } from "../types/apps-v1.gen.ts";
import type { PodTemplateSpec } from "../types/core-v1.gen.ts";
import {
  compiledSelector,
  intOrPercentValue,
  nonNegativeFields,
  selectorMismatch,
  selectsNothingInParticular,
  validateAtMostAll,
  validateCollisionCount,
  validateImmutable,
  validateLongRunning,
  validatePositiveIntOrPercent,
} from "./workload.ts";

const rules = { namespaced: true, validateName: nameIsDNSSubdomain };
const spec = path("spec");
const templatePath = spec.child("template");
const strategyPath = spec.child("updateStrategy");
/** Counts changes of the template; kept outside the specification in this version, as an annotation. */
const templateGeneration = "deprecated.daemonset.template.generation";
const noStatus = (): DaemonSetStatus => ({ currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 });

/** What is not a number counts as none: upstream's conversion refuses it. */
function generationOf(set: DaemonSet): bigint {
  const text = set.metadata.annotations?.[templateGeneration] ?? "";
  return /^[+-]?\d+$/.test(text) ? BigInt(text.replace("+", "")) : 0n;
}
function setGeneration(set: DaemonSet, generation: bigint): void {
  set.metadata.annotations = { ...set.metadata.annotations, [templateGeneration]: String(generation) };
}

function validateRollingUpdate(update: RollingUpdateDaemonSet): FieldError[] {
  const at = strategyPath.child("rollingUpdate");
  const { maxUnavailable = 0, maxSurge = 0 } = update;
  const [unavailablePath, surgePath] = [at.child("maxUnavailable"), at.child("maxSurge")];
  const errors = [
    ...validatePositiveIntOrPercent(maxUnavailable, unavailablePath),
    ...validatePositiveIntOrPercent(maxSurge, surgePath),
    ...validateAtMostAll(maxUnavailable, unavailablePath),
    ...validateAtMostAll(maxSurge, surgePath),
  ];
  const unavailable = intOrPercentValue(maxUnavailable) !== 0;
  const surge = intOrPercentValue(maxSurge) !== 0;
  if (unavailable && surge) errors.push(invalidValue(surgePath, maxSurge, "may not be set when maxUnavailable is non-zero"));
  if (!unavailable && !surge) errors.push(required(unavailablePath, "cannot be 0 when maxSurge is 0"));
  return errors;
}

function validateStrategy({ type = "", rollingUpdate }: DaemonSetUpdateStrategy): FieldError[] {
  if (type === "OnDelete") return [];
  if (type === "RollingUpdate") return rollingUpdate ? validateRollingUpdate(rollingUpdate) : [required(strategyPath.child("rollingUpdate"))];
  const { maxUnavailable = 0, maxSurge = 0 } = rollingUpdate ?? {};
  // The form of upstream's internal type.
  const shown = { Type: type, RollingUpdate: rollingUpdate ? { MaxUnavailable: maxUnavailable, MaxSurge: maxSurge } : null };
  return [notSupported(strategyPath, shown, ["RollingUpdate", "OnDelete"])];
}

function validateSpec(set: DaemonSet, old?: DaemonSet): FieldError[] {
  const { selector, template, updateStrategy } = set.spec;
  const options = podTemplateValidationOptions(old?.spec.template);
  const allowInvalidLabelValue = Boolean(options.allowInvalidLabelValueInSelector) || (old !== undefined && hasInvalidLabelValue(old.spec.selector));
  if (allowInvalidLabelValue) options.allowInvalidLabelValueInSelector = true;
  const errors = validateLabelSelector(selector, { allowInvalidLabelValue }, spec.child("selector"));
  if (compiledSelector(selector)?.matches(template.metadata?.labels) === false) errors.push(selectorMismatch(template, templatePath));
  if (selector && selectsNothingInParticular(selector)) errors.push(invalidValue(spec.child("selector"), selector, "empty selector is invalid for daemonset"));
  errors.push(...validatePodTemplateSpec(template, templatePath, options), ...validateLongRunning(template, "DaemonSet", templatePath));
  errors.push(...nonNegativeFields(set.spec, ["minReadySeconds"], spec));
  const generation = generationOf(set);
  if (generation < 0n) errors.push(invalidValue(spec.child("templateGeneration"), generation, "must be greater than or equal to 0"));
  errors.push(...validateStrategy(updateStrategy), ...nonNegativeFields(set.spec, ["revisionHistoryLimit"], spec));
  return errors;
}

function validateStatus({ status }: DaemonSet, old: DaemonSet): FieldError[] {
  const counts = [
    "currentNumberScheduled",
    "numberMisscheduled",
    "desiredNumberScheduled",
    "numberReady",
    "observedGeneration",
    "updatedNumberScheduled",
    "numberAvailable",
    "numberUnavailable",
    "collisionCount",
  ] as const;
  return [...nonNegativeFields(status, counts, path("status")), ...validateCollisionCount(status.collisionCount, old.status.collisionCount, path("status"))];
}

export const daemonSetKind: Kind<DaemonSet> = {
  resource: "daemonsets.apps",
  misread(set) {
    const text = set.metadata?.annotations?.[templateGeneration];
    if (text === undefined) return undefined;
    if (!/^[+-]?\d+$/.test(text)) return `strconv.ParseInt: parsing ${goQuote(text)}: invalid syntax`;
    const number = BigInt(text.replace("+", ""));
    return BigInt.asIntN(64, number) === number ? undefined : `strconv.ParseInt: parsing ${goQuote(text)}: value out of range`;
  },
  setDefaults(set) {
    set.spec ??= {} as DaemonSet["spec"];
    // Conversion always gives the annotation: whoever writes the set manages it.
    if (set.metadata.annotations?.[templateGeneration] === undefined) setGeneration(set, 0n);
    const s = set.spec;
    s.template ??= {} as PodTemplateSpec;
    s.updateStrategy ??= {};
    set.status ??= noStatus();
    const strategy = s.updateStrategy;
    strategy.type ||= "RollingUpdate";
    if (strategy.type === "RollingUpdate") {
      strategy.rollingUpdate ??= {};
      strategy.rollingUpdate.maxUnavailable ??= 1;
    }
    // Upstream's internal type holds numbers, which are there in any case.
    if (strategy.rollingUpdate) {
      strategy.rollingUpdate.maxUnavailable ??= 0;
      strategy.rollingUpdate.maxSurge ??= 0;
    }
    s.revisionHistoryLimit ??= 10;
    setPodTemplateDefaults(s.template);
  },
  prepareForCreate(set) {
    set.status = noStatus();
    set.metadata.generation = 1;
    const generation = generationOf(set);
    setGeneration(set, generation < 1n ? 1n : generation);
    dropDisabledPodFields(set.spec.template.spec, undefined);
  },
  validate: (set) => [...validateMetadata(set.metadata, rules), ...validateSpec(set)],
  warnings: (set) => podTemplateWarnings(set.spec.template, templatePath),
  prepareForUpdate(set, old) {
    dropDisabledPodFields(set.spec.template.spec, old.spec.template.spec);
    set.status = old.status;
    const sameTemplate = semanticEqual(set.spec.template, old.spec.template);
    setGeneration(set, sameTemplate ? generationOf(old) : generationOf(old) + 1n);
    if (!sameTemplate || !semanticEqual(set.spec, old.spec)) set.metadata.generation = (old.metadata.generation ?? 0) + 1;
  },
  validateUpdate: (set, old) => [
    ...validateMetadataUpdate(set.metadata, old.metadata),
    ...validateImmutable(set.spec.selector, old.spec.selector, spec.child("selector")),
    ...validateSpec(set, old),
  ],
  warningsOnUpdate: (set, old) => (generationOf(set) === generationOf(old) ? [] : podTemplateWarnings(set.spec.template, templatePath)),
  subresources: {
    status: {
      prepareForUpdate(set, old) {
        set.spec = old.spec;
        setGeneration(set, generationOf(old));
      },
      validateUpdate: (set, old) => [...validateMetadataUpdate(set.metadata, old.metadata), ...validateStatus(set, old)],
    },
  },
  cells({ metadata, spec: s, status }, now) {
    return [
      metadata.name,
      status?.desiredNumberScheduled ?? 0,
      status?.currentNumberScheduled ?? 0,
      status?.numberReady ?? 0,
      status?.updatedNumberScheduled ?? 0,
      status?.numberAvailable ?? 0,
      formatLabels(s.template.spec?.nodeSelector),
      age({ metadata }, now),
      ...containerCells(s.template.spec?.containers),
      formatLabelSelector(s.selector),
    ];
  },
};
