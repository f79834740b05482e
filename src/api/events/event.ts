/** Events as events.k8s.io/v1 has them: stored as core events, and held to stricter rules (pkg/apis/core/validation/events.go). */
import { validateImmutable } from "../apps/workload.ts";
import { eventKind, validateEvent } from "../core/event.ts";
import { internalForm } from "../core/internal-types.ts";
import { validateMetadata, validateMetadataUpdate } from "../core/object-meta.ts";
import { semanticEqual } from "../core/semantic.ts";
import { type FieldError, invalidValue, path, required } from "../field.ts";
import type { Kind } from "../kind.ts";
import { nameIsDNSSubdomain } from "../meta/names.ts";
import type { Event as CoreEvent } from "../types/core-v1.gen.ts";
import type { Event } from "../types/events-v1.gen.ts";

const rules = { namespaced: true, validateName: nameIsDNSSubdomain };
const reportingField = "reportingController";

function validateSeries({ series }: CoreEvent): FieldError[] {
  if (!series) return [];
  const errors: FieldError[] = [];
  if ((series.count ?? 0) < 2) errors.push(invalidValue("series.count", "", "should be at least 2"));
  if (!series.lastObservedTime) errors.push(required("series.lastObservedTime"));
  return errors;
}

function validate(event: CoreEvent): FieldError[] {
  const { type = "", source } = event;
  const errors = [...validateEvent(event, reportingField), ...validateMetadata(event.metadata, rules), ...validateSeries(event)];
  const unset = (field: string, isSet: unknown): void => {
    if (isSet) errors.push(invalidValue(field, "", "needs to be unset"));
  };
  if (!event.eventTime) errors.push(required("eventTime"));
  if (type !== "Normal" && type !== "Warning") errors.push(invalidValue("type", "", `has invalid value: ${type}`));
  unset("firstTimestamp", event.firstTimestamp);
  unset("lastTimestamp", event.lastTimestamp);
  unset("count", event.count);
  unset("source", source?.component || source?.host);
  return errors;
}

/** Text that is not set is printed as such; times as null. */
function validateUpdate(event: CoreEvent, old: CoreEvent): FieldError[] {
  const text = (field: "reason" | "message" | "type" | "action" | "reportingInstance"): FieldError[] =>
    validateImmutable(event[field] ?? "", old[field] ?? "", path(field));
  const time = (field: "firstTimestamp" | "lastTimestamp" | "eventTime"): FieldError[] =>
    validateImmutable(event[field] ?? null, old[field] ?? null, path(field));
  const reference = (field: "involvedObject" | "related"): FieldError[] =>
    validateImmutable(event[field], old[field], path(field), internalForm("ObjectReference", event[field]));
  const { source } = event;
  return [
    ...validateEvent(event, reportingField),
    ...validateMetadataUpdate(event.metadata, old.metadata),
    ...(semanticEqual(event.series, old.series) ? [] : validateSeries(event)),
    ...reference("involvedObject"),
    ...text("reason"),
    ...text("message"),
    ...validateImmutable(source ?? {}, old.source ?? {}, path("source"), { Component: source?.component ?? "", Host: source?.host ?? "" }),
    ...time("firstTimestamp"),
    ...time("lastTimestamp"),
    ...validateImmutable(event.count ?? 0, old.count ?? 0, path("count")),
    ...text("reason"),
    ...text("type"),
    ...time("eventTime"),
    ...text("action"),
    ...reference("related"),
    ...validateImmutable(event.reportingComponent ?? "", old.reportingComponent ?? "", path(reportingField)),
    ...text("reportingInstance"),
  ];
}

/** How the stored form is treated when it comes by way of this version. */
export const strictEventStrategy = { ...eventKind, validate, validateUpdate };

export const eventsEventKind: Kind<Event> = {
  resource: "events.events.k8s.io",
  allowCreateOnUpdate: true,
};
