/** events.k8s.io/v1 and the core v1 Event are one object under two sets of names (pkg/apis/events/v1/conversion.go). */
import type { KubeObject } from "../../api/object.ts";
import type { Event as CoreEvent } from "../../api/types/core-v1.gen.ts";
import type { Event } from "../../api/types/events-v1.gen.ts";
import type { Conversion } from "../rest/call.ts";
import { completeObject } from "../rest/wire.ts";

export const events: Conversion = {
  toHub(object) {
    const event = object as unknown as Event;
    const { metadata, eventTime, series, action, reason, related, type } = event;
    const core = {
      kind: "Event",
      apiVersion: "v1",
      metadata,
      involvedObject: event.regarding,
      reason,
      message: event.note,
      source: event.deprecatedSource,
      firstTimestamp: event.deprecatedFirstTimestamp,
      lastTimestamp: event.deprecatedLastTimestamp,
      count: event.deprecatedCount,
      type,
      eventTime,
      series,
      action,
      related,
      reportingComponent: event.reportingController ?? "",
      reportingInstance: event.reportingInstance ?? "",
    };
    return completeObject("v1", "Event", core);
  },
  fromHub(object) {
    const event = object as unknown as CoreEvent;
    const { metadata, eventTime, series, action, reason, related, type } = event;
    const out = {
      kind: "Event",
      apiVersion: "events.k8s.io/v1",
      metadata,
      eventTime,
      series,
      reportingController: event.reportingComponent || undefined,
      reportingInstance: event.reportingInstance || undefined,
      action,
      reason,
      regarding: event.involvedObject,
      related,
      note: event.message,
      type,
      deprecatedSource: event.source,
      deprecatedFirstTimestamp: event.firstTimestamp,
      deprecatedLastTimestamp: event.lastTimestamp,
      deprecatedCount: event.count,
    };
    return completeObject("events.k8s.io/v1", "Event", out) as KubeObject;
  },
};
