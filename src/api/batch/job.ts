/** Jobs (pkg/registry/batch/job). */
import { compiledSelector, selectorMismatch, validateImmutable } from "../apps/workload.ts";
import { validateImmutableNamed } from "../core/checks.ts";
import { internalForm } from "../core/internal-types.ts";
import { age, validateMetadata, validateMetadataUpdate } from "../core/object-meta.ts";
import { setPodTemplateDefaults } from "../core/pod-defaults.ts";
import { dropDisabledPodFields } from "../core/pod-drop-disabled.ts";
import { type PodValidationOptions, podTemplateValidationOptions } from "../core/pod-options.ts";
import { containerCells } from "../core/podtemplate.ts";
import { nameWarnings } from "../core/replicationcontroller.ts";
import { semanticEqual } from "../core/semantic.ts";
import { type FieldError, invalidValue, type Path, path, required } from "../field.ts";
import type { Kind } from "../kind.ts";
import { isConditionTrue } from "../meta/conditions.ts";
import { hasInvalidLabelValue, validateLabelSelector } from "../meta/labels.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import { isDNS1123Label } from "../names.ts";
import { formatLabelSelector } from "../selectors/labels.ts";
import { humanDuration, parseTime } from "../time.ts";
import type { Job, JobSpec } from "../types/batch-v1.gen.ts";
import type { Container, PodTemplateSpec } from "../types/core-v1.gen.ts";
import { shownFailurePolicy, shownSuccessPolicy } from "./job-policies.ts";
import { jobSpecWarnings, setFailurePolicyDefaults, validateJobSpec } from "./job-spec.ts";
import { validateJobStatus } from "./job-status.ts";

const rules = { namespaced: true, validateName: nameIsDNSSubdomain };
const specPath = path("spec");
const templatePath = specPath.child("template");
const uidLabel = "batch.kubernetes.io/controller-uid";
const nameLabel = "batch.kubernetes.io/job-name";
const legacyUidLabel = "controller-uid";
const legacyNameLabel = "job-name";
const generatedLabels = [uidLabel, nameLabel, legacyUidLabel, legacyNameLabel];

/** A job that does not bring its own selector selects by its uid. Labels that are there already are kept, and judged later. */
function generateSelector({ metadata, spec }: Job): void {
  spec.template.metadata ??= {} as PodTemplateSpec["metadata"];
  spec.template.metadata.labels ??= {};
  const labels = spec.template.metadata.labels;
  for (const key of [legacyNameLabel, nameLabel]) labels[key] ??= metadata.name ?? "";
  for (const key of [legacyUidLabel, uidLabel]) labels[key] ??= metadata.uid;
  spec.selector = { ...spec.selector, matchLabels: { [uidLabel]: metadata.uid, ...spec.selector?.matchLabels } };
}

function validateLabel(template: PodTemplateSpec, key: string, expected: string): FieldError[] {
  const labels = template.metadata?.labels;
  const at = templatePath.child("metadata", "labels").key(key);
  const why = `must be '${expected}'`;
  if (labels?.[key] === undefined) return [required(at, why)];
  return labels[key] === expected ? [] : [invalidValue(at, labels, why)];
}

function validateGeneratedSelector({ metadata, spec }: Job, prefixed: boolean): FieldError[] {
  if (spec.manualSelector || !spec.selector) return [];
  const { uid = "", name = "" } = metadata;
  const expected: Record<string, string> = { [legacyUidLabel]: uid, [legacyNameLabel]: name, ...(prefixed ? { [uidLabel]: uid, [nameLabel]: name } : {}) };
  const errors: FieldError[] = uid ? [] : [required(path("metadata", "uid"))];
  errors.push(...Object.entries(expected).flatMap(([key, value]) => validateLabel(spec.template, key, value)));
  if (compiledSelector(spec.selector)?.matches(expected) === false)
    errors.push(invalidValue(specPath.child("selector"), spec.selector, "`selector` not auto-generated"));
  return errors;
}

function validateSpec(spec: JobSpec, options: PodValidationOptions): FieldError[] {
  const errors = validateJobSpec(spec, specPath, options);
  const at = specPath.child("selector");
  const allowInvalidLabelValue = options.allowInvalidLabelValueInSelector ?? false;
  errors.push(...(spec.selector ? validateLabelSelector(spec.selector, { allowInvalidLabelValue }, at) : [required(at)]));
  if (compiledSelector(spec.selector)?.matches(spec.template.metadata?.labels) === false) errors.push(selectorMismatch(spec.template, templatePath));
  return errors;
}

/** Labels that the job has from a template without labels of its own are made after validation upstream. */
function givenMetadata({ metadata }: Job): Job["metadata"] {
  const keys = Object.keys(metadata.labels ?? {});
  const { labels: _labels, ...rest } = metadata;
  return keys.every((key) => generatedLabels.includes(key)) ? rest : metadata;
}

function validateJob(job: Job, options: PodValidationOptions, prefixed: boolean): FieldError[] {
  const { metadata, spec } = job;
  const errors = [...validateMetadata(givenMetadata(job), rules), ...validateGeneratedSelector(job, prefixed), ...validateSpec(spec, options)];
  if (spec.completionMode === "Indexed" && (spec.completions ?? 0) > 0) {
    const host = `${metadata.name ?? ""}-${(spec.completions as number) - 1}`;
    if (isDNS1123Label(host).length)
      errors.push(invalidValue(path("metadata", "name"), metadata.name ?? "", `will not able to create pod with invalid DNS label: ${host}`));
  }
  return errors;
}

function validateCompletions(spec: JobSpec, old: JobSpec): FieldError[] {
  const at = specPath.child("completions");
  if (spec.completionMode !== "Indexed") return validateImmutable(spec.completions, old.completions, at);
  if (spec.completions === old.completions || spec.completions === undefined || spec.completions === spec.parallelism) return [];
  return [invalidValue(at, spec.completions, "can only be modified in tandem with spec.parallelism")];
}

/** What decides where the pods of a suspended job go may change: `old` with those parts as `template` has them. */
function withDirectives(old: PodTemplateSpec, template: PodTemplateSpec): PodTemplateSpec {
  const { affinity: was } = old.spec;
  const { affinity: now, nodeSelector, tolerations, schedulingGates } = template.spec;
  const merged = { ...was, nodeAffinity: now?.nodeAffinity };
  const only = !merged.podAffinity && !merged.podAntiAffinity;
  return {
    ...old,
    metadata: { ...old.metadata, annotations: template.metadata?.annotations, labels: template.metadata?.labels } as PodTemplateSpec["metadata"],
    spec: { ...old.spec, affinity: !now && (!was || only) ? undefined : merged, nodeSelector, tolerations, schedulingGates },
  } as PodTemplateSpec;
}

/** `old` with the resources that `containers` have, where they are the same containers. */
const withResources = (old: Container[] | undefined, containers: Container[] | undefined): Container[] | undefined =>
  old?.length === containers?.length
    ? old?.map((container, i) => (container.name === containers?.[i]?.name ? { ...container, resources: containers[i]?.resources } : container) as Container)
    : old;

function validateTemplateUpdate(job: Job, old: Job): FieldError[] {
  const { template } = job.spec;
  const { status } = old;
  const suspended = old.spec.suspend === true;
  const open = suspended && (!status?.startTime || isConditionTrue(status.conditions, "Suspended")) && !status?.active;
  const before = open ? withDirectives(old.spec.template, template) : old.spec.template;
  if (!open) return validateImmutable(template, before, templatePath, { ...template.metadata, Spec: internalForm("PodSpec", template.spec) });
  const spec = {
    ...before.spec,
    containers: withResources(before.spec.containers, template.spec.containers),
    initContainers: withResources(before.spec.initContainers, template.spec.initContainers),
  };
  return validateImmutable(template.spec, spec, specPath.child("template.spec"), internalForm("PodSpec", template.spec));
}

function validateUpdate(job: Job, old: Job): FieldError[] {
  const labels = old.spec.template.metadata?.labels;
  const options = podTemplateValidationOptions(old.spec.template);
  options.allowInvalidLabelValueInSelector ||= hasInvalidLabelValue(old.spec.selector);
  const { spec } = job;
  const fixed = (field: keyof JobSpec & string, at: Path, shown: unknown = spec[field]): FieldError[] =>
    validateImmutable(spec[field], old.spec[field], at.child(field), shown);
  const fixedText = (field: "completionMode" | "managedBy"): FieldError[] => validateImmutableNamed(spec[field], old.spec[field], specPath.child(field));
  return [
    ...validateJob(job, options, labels?.[nameLabel] !== undefined && labels?.[uidLabel] !== undefined),
    ...validateMetadataUpdate(job.metadata, old.metadata),
    ...validateSpec(spec, options),
    ...validateCompletions(spec, old.spec),
    ...fixed("selector", specPath),
    ...validateTemplateUpdate(job, old),
    ...fixedText("completionMode"),
    ...fixed("podFailurePolicy", specPath, shownFailurePolicy(spec.podFailurePolicy)),
    ...fixed("backoffLimitPerIndex", specPath),
    ...fixedText("managedBy"),
    ...fixed("successPolicy", specPath, shownSuccessPolicy(spec.successPolicy)),
  ];
}

/** One object under two names, as upstream has it: labels that the template gets later are the job's as well. */
function inheritLabels({ metadata, spec }: Job): void {
  const labels = spec.template.metadata?.labels;
  if (labels && !Object.keys(metadata.labels ?? {}).length) metadata.labels = labels;
}

function setDefaults(job: Job): void {
  job.spec ??= {} as JobSpec;
  const { spec } = job;
  spec.template ??= {} as PodTemplateSpec;
  job.status ??= {};
  if (spec.parallelism === undefined) {
    spec.completions ??= 1;
    spec.parallelism = 1;
  }
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : 2 ** 31 - 1;
  inheritLabels(job);
  spec.completionMode ??= "NonIndexed";
  spec.suspend ??= false;
  spec.podReplacementPolicy ??= spec.podFailurePolicy ? "Failed" : "TerminatingOrFailed";
  spec.manualSelector ??= false;
  setFailurePolicyDefaults(spec);
  setPodTemplateDefaults(spec.template);
}

const shownStates: [string, string][] = [
  ["Suspended", "Suspended"],
  ["FailureTarget", "FailureTarget"],
  ["SuccessCriteriaMet", "SuccessCriteriaMet"],
];

function stateOf({ metadata, status }: Job): string {
  const has = (type: string): boolean => isConditionTrue(status?.conditions, type);
  if (has("Complete")) return "Complete";
  if (has("Failed")) return "Failed";
  if (metadata.deletionTimestamp) return "Terminating";
  return shownStates.find(([type]) => has(type))?.[1] ?? "Running";
}

function cells(job: Job, now: number): unknown[] {
  const { metadata, spec, status = {} } = job;
  const done = status.succeeded ?? 0;
  const parallel = spec.parallelism ?? 0;
  const { startTime, completionTime } = status;
  return [
    metadata.name,
    stateOf(job),
    spec.completions !== undefined ? `${done}/${spec.completions}` : parallel > 1 ? `${done}/1 of ${parallel}` : `${done}/1`,
    startTime ? humanDuration((completionTime ? parseTime(completionTime) : now) - parseTime(startTime)) : "",
    age(job, now),
    ...containerCells(spec.template.spec?.containers),
    formatLabelSelector(spec.selector),
  ];
}

export const jobKind: Kind<Job> = {
  resource: "jobs.batch",
  setDefaults,
  prepareForCreate(job) {
    if (!job.spec.manualSelector) generateSelector(job);
    inheritLabels(job);
    job.status = {};
    job.metadata.generation = 1;
    dropDisabledPodFields(job.spec.template.spec, undefined);
  },
  validate: (job) => validateJob(job, podTemplateValidationOptions(), true),
  warnings: (job) => [...nameWarnings(job.metadata.name), ...jobSpecWarnings(job.spec, specPath)],
  prepareForUpdate(job, old) {
    job.status = old.status;
    dropDisabledPodFields(job.spec.template.spec, old.spec.template.spec);
    if (!semanticEqual(job.spec, old.spec)) job.metadata.generation = (old.metadata.generation ?? 0) + 1;
  },
  validateUpdate,
  warningsOnUpdate: (job, old) => (job.metadata.generation === old.metadata.generation ? [] : jobSpecWarnings(job.spec, specPath)),
  subresources: {
    status: {
      prepareForUpdate(job, old) {
        job.spec = old.spec;
      },
      validateUpdate: (job, old) => [...validateMetadataUpdate(job.metadata, old.metadata), ...validateJobStatus(job, old)],
    },
  },
  fields: (job) => ({ "status.successful": String(job.status?.succeeded ?? 0) }),
  cells,
};
