/** CronJobs (pkg/registry/batch/cronjob). */
import { nonNegativeFields } from "../apps/workload.ts";
import { ageOf, age, validateMetadata, validateMetadataUpdate } from "../core/object-meta.ts";
import { setPodTemplateDefaults } from "../core/pod-defaults.ts";
import { dropDisabledPodFields } from "../core/pod-drop-disabled.ts";
import { podTemplateValidationOptions } from "../core/pod-options.ts";
import { containerCells } from "../core/podtemplate.ts";
import { nameWarnings } from "../core/replicationcontroller.ts";
import { semanticEqual } from "../core/semantic.ts";
import { type FieldError, invalidNamed, invalidValue, notSupported, path, required } from "../field.ts";
import type { Kind } from "../kind.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import { longerThan } from "../names.ts";
import { formatLabelSelector } from "../selectors/labels.ts";
import type { CronJob, CronJobSpec, JobTemplateSpec } from "../types/batch-v1.gen.ts";
import type { PodTemplateSpec } from "../types/core-v1.gen.ts";
import { CronScheduleError, parseCronSchedule } from "./cron-schedule.ts";
import { jobSpecWarnings, setFailurePolicyDefaults, validateJobSpec } from "./job-spec.ts";
import zones from "./time-zones.json" with { type: "json" };

const rules = { namespaced: true, validateName: nameIsDNSSubdomain };
const specPath = path("spec");
const jobPath = specPath.child("jobTemplate", "spec");
/** The controller appends a time of ten digits to the name. */
const maxNameLength = 63 - 11;

/** Where a zone is not followed by anything, upstream's parser fails with Go's own words. */
const crash = "invalid schedule format: runtime error: slice bounds out of range [:-1]";

function scheduleError(schedule: string): string | undefined {
  if (/^(?:CRON_)?TZ=\S*$/.test(schedule)) return crash;
  try {
    parseCronSchedule(schedule);
    return undefined;
  } catch (error) {
    if (error instanceof CronScheduleError) return error.message;
    throw error;
  }
}

function validateSchedule({ schedule = "", timeZone }: CronJobSpec, old: CronJobSpec | undefined): FieldError[] {
  const at = specPath.child("schedule");
  if (!schedule) return [required(at)];
  const why = scheduleError(schedule);
  const errors = why === undefined ? [] : [invalidValue(at, schedule, why)];
  if (!schedule.includes("TZ")) return errors;
  const had = old?.schedule.includes("TZ") ?? false;
  if (!had) errors.push(invalidValue(at, schedule, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"));
  else if (timeZone !== undefined) errors.push(invalidValue(at, schedule, "cannot use both timeZone field and TZ or CRON_TZ in schedule"));
  return errors;
}

/** The names of the time zone database, links among them; JavaScript knows them in any case, Go only as they are written. */
const names: ReadonlySet<string> = new Set(Object.entries(zones).flatMap(([area, places]) => places.map((place) => (area ? `${area}/${place}` : place))));

function isTimeZone(name: string): boolean {
  if (!names.has(name)) return false;
  try {
    return Boolean(new Intl.DateTimeFormat("en", { timeZone: name }));
  } catch {
    return false;
  }
}

function validateTimeZone(zone: string | undefined): FieldError[] {
  const at = specPath.child("timeZone");
  if (zone === undefined) return [];
  if (zone === "") return [invalidNamed(at, zone, "timeZone must be nil or non-empty string")];
  const unknown = invalidNamed(at, zone, `unknown time zone ${zone}`);
  const wrong = zone.split("/").some((part) => part === "." || part === ".." || part.startsWith("-") || !/^[A-Za-z.\-_0-9+]{1,14}$/.test(part));
  if (wrong) return [unknown];
  const local = invalidNamed(at, zone, "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones");
  if (zone.toLowerCase() === "local") return zone === "Local" ? [local] : [local, unknown];
  return isTimeZone(zone) ? [] : [unknown];
}

function validateJobTemplate({ spec }: JobTemplateSpec, old: JobTemplateSpec | undefined): FieldError[] {
  const errors = validateJobSpec(spec, jobPath, podTemplateValidationOptions(old?.spec.template));
  if (spec.selector) errors.push(invalidValue(jobPath.child("selector"), spec.selector, "`selector` will be auto-generated"));
  if (spec.manualSelector) errors.push(notSupported(jobPath.child("manualSelector"), spec.manualSelector, ["nil", "false"]));
  return errors;
}

const policies = ["Allow", "Forbid", "Replace"];

function validateSpec({ spec }: CronJob, old?: CronJob): FieldError[] {
  const policy = spec.concurrencyPolicy ?? "";
  const policyPath = specPath.child("concurrencyPolicy");
  return [
    ...validateSchedule(spec, old?.spec),
    ...nonNegativeFields(spec, ["startingDeadlineSeconds"], specPath),
    ...(old && old.spec.timeZone === spec.timeZone ? [] : validateTimeZone(spec.timeZone)),
    ...(policies.includes(policy) ? [] : [policy ? notSupported(policyPath, policy, policies) : required(policyPath)]),
    ...validateJobTemplate(spec.jobTemplate, old?.spec.jobTemplate),
    ...nonNegativeFields(spec, ["successfulJobsHistoryLimit", "failedJobsHistoryLimit"], specPath),
  ];
}

export const cronJobKind: Kind<CronJob> = {
  resource: "cronjobs.batch",
  setDefaults(cron) {
    cron.spec ??= {} as CronJobSpec;
    const { spec } = cron;
    spec.jobTemplate ??= {} as JobTemplateSpec;
    spec.jobTemplate.spec ??= {} as JobTemplateSpec["spec"];
    spec.jobTemplate.spec.template ??= {} as PodTemplateSpec;
    cron.status ??= {};
    spec.concurrencyPolicy ||= "Allow";
    spec.suspend ??= false;
    spec.successfulJobsHistoryLimit ??= 3;
    spec.failedJobsHistoryLimit ??= 1;
    setFailurePolicyDefaults(spec.jobTemplate.spec);
    setPodTemplateDefaults(spec.jobTemplate.spec.template);
  },
  prepareForCreate(cron) {
    cron.status = {};
    cron.metadata.generation = 1;
    dropDisabledPodFields(cron.spec.jobTemplate.spec.template.spec, undefined);
  },
  validate(cron) {
    const { metadata } = cron;
    const errors = [...validateMetadata(metadata, rules), ...validateSpec(cron)];
    if (longerThan(metadata.name ?? "", maxNameLength))
      errors.push(invalidValue(path("metadata", "name"), metadata.name, `must be no more than ${maxNameLength} characters`));
    return errors;
  },
  warnings: (cron) => [...nameWarnings(cron.metadata.name), ...jobSpecWarnings(cron.spec.jobTemplate.spec, jobPath)],
  prepareForUpdate(cron, old) {
    cron.status = old.status;
    dropDisabledPodFields(cron.spec.jobTemplate.spec.template.spec, old.spec.jobTemplate.spec.template.spec);
    if (!semanticEqual(cron.spec, old.spec)) cron.metadata.generation = (old.metadata.generation ?? 0) + 1;
  },
  validateUpdate: (cron, old) => [...validateMetadataUpdate(cron.metadata, old.metadata), ...validateSpec(cron, old)],
  warningsOnUpdate(cron, old) {
    const warnings = cron.metadata.generation === old.metadata.generation ? [] : jobSpecWarnings(cron.spec.jobTemplate.spec, jobPath);
    const where = "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/";
    if (cron.spec.schedule.includes("TZ")) warnings.push(`cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see ${where} for more details`);
    return warnings;
  },
  subresources: {
    status: {
      prepareForUpdate(cron, old) {
        cron.spec = old.spec;
      },
    },
  },
  cells({ metadata, spec, status }, now) {
    return [
      metadata.name,
      spec.schedule,
      spec.timeZone ?? "<none>",
      spec.suspend === undefined ? "<unset>" : spec.suspend ? "True" : "False",
      status?.active?.length ?? 0,
      status?.lastScheduleTime ? ageOf(status.lastScheduleTime, now) : "<none>",
      age({ metadata }, now),
      ...containerCells(spec.jobTemplate.spec.template.spec?.containers),
      formatLabelSelector(spec.jobTemplate.spec.selector),
    ];
  },
};
