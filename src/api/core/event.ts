/** Events as core/v1 has them (pkg/registry/core/event). */
import { type FieldError, invalidValue, path, required } from "../field.ts";
import type { Kind } from "../kind.ts";
import { pathSegmentName } from "../meta/names.ts";
import { validateObjectMeta } from "../meta/validation.ts";
import { isDNS1123Subdomain } from "../names.ts";
import type { Event } from "../types/core-v1.gen.ts";
import { exceeds, invalidAll, validateQualifiedName } from "./checks.ts";
import { ageOf } from "./object-meta.ts";

const shortLimit = 128;
const messageLimit = 1024;

/** `reportingField`: how the version of the request names the reporting controller. */
export function validateEvent(event: Event, reportingField: string): FieldError[] {
  const errors: FieldError[] = [];
  const namespace = event.metadata.namespace ?? "";
  const about = event.involvedObject?.namespace ?? "";
  const mismatch = (): void => {
    errors.push(invalidValue(path("involvedObject", "namespace"), about, "does not match event.namespace"));
  };
  if (!event.eventTime) {
    if (about ? namespace !== about : namespace !== "" && namespace !== "default") mismatch();
  } else {
    if (!about && namespace !== "default" && namespace !== "kube-system") mismatch();
    const controller = event.reportingComponent ?? "";
    if (!controller) errors.push(required(reportingField));
    errors.push(...validateQualifiedName(controller, path(reportingField)));
    for (const field of ["reportingInstance", "action", "reason"] as const) {
      const value = event[field] ?? "";
      if (!value) errors.push(required(field));
      if (exceeds(value, shortLimit)) errors.push(invalidValue(field, "", `can have at most ${shortLimit} characters`));
    }
    if (exceeds(event.message ?? "", messageLimit)) errors.push(invalidValue("message", "", `can have at most ${messageLimit} characters`));
  }
  return [...errors, ...invalidAll(path("namespace"), namespace, isDNS1123Subdomain(namespace))];
}

/** An event needs nothing of its metadata but a name that fits into a path. */
const validateName = (event: Event): FieldError[] => validateObjectMeta(event.metadata, { namespaced: true, validateName: pathSegmentName }, path("metadata"));

export const eventFields = (event: Event): Record<string, string> => {
  const about = event.involvedObject ?? {};
  return {
    "involvedObject.kind": about.kind ?? "",
    "involvedObject.namespace": about.namespace ?? "",
    "involvedObject.name": about.name ?? "",
    "involvedObject.uid": about.uid ?? "",
    "involvedObject.apiVersion": about.apiVersion ?? "",
    "involvedObject.resourceVersion": about.resourceVersion ?? "",
    "involvedObject.fieldPath": about.fieldPath ?? "",
    reason: event.reason ?? "",
    reportingComponent: event.reportingComponent ?? "",
    source: event.source?.component || event.reportingComponent || "",
    type: event.type ?? "",
  };
};

export function eventCells(event: Event, now: number): unknown[] {
  const first = event.firstTimestamp ? ageOf(event.firstTimestamp, now) : ageOf(event.eventTime, now);
  let last = event.lastTimestamp ? ageOf(event.lastTimestamp, now) : first;
  let count = event.count || 1;
  if (event.series) {
    last = ageOf(event.series.lastObservedTime, now);
    count = event.series.count ?? 0;
  }
  const { kind = "", name = "", fieldPath = "" } = event.involvedObject ?? {};
  const component = event.source?.component || event.reportingComponent || "";
  const host = event.source?.host || event.reportingInstance || "";
  return [
    last,
    event.type ?? "",
    event.reason ?? "",
    name ? `${kind.toLowerCase()}/${name}` : kind.toLowerCase(),
    fieldPath,
    host ? `${component}, ${host}` : component,
    (event.message ?? "").trim(),
    first,
    count,
    event.metadata.name,
  ];
}

export const eventKind: Kind<Event> = {
  resource: "events",
  allowCreateOnUpdate: true,
  validate(event) {
    const errors = validateEvent(event, "reportingComponent");
    return errors.length ? errors : validateName(event);
  },
  validateUpdate: (event) => validateEvent(event, "reportingComponent"),
  fields: eventFields,
  cells: eventCells,
  reads: {
    fields: { involvedObject: true, reason: true, reportingComponent: true, source: { component: true }, type: true },
    cells: {
      metadata: { name: true },
      firstTimestamp: true,
      lastTimestamp: true,
      eventTime: true,
      count: true,
      series: true,
      involvedObject: { kind: true, name: true, fieldPath: true },
      source: true,
      reportingComponent: true,
      reportingInstance: true,
      type: true,
      reason: true,
      message: true,
    },
  },
};
