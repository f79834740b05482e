/** Resources served in a version other than the one that is stored. */
import { strictEventStrategy } from "../../api/events/event.ts";
import type { Kind } from "../../api/kind.ts";
import type { Conversion } from "../rest/call.ts";
import { events } from "./events.ts";
import { horizontalPodAutoscalers } from "./horizontalpodautoscalers.ts";

/** By groupResource. */
export const hubResources: Record<string, { group: string; version: string; resource: string }> = {
  "events.events.k8s.io": { group: "", version: "v1", resource: "events" },
  "horizontalpodautoscalers.autoscaling": { group: "autoscaling", version: "v2", resource: "horizontalpodautoscalers" },
};

/** By `group/version/Kind`. */
export const conversions: Record<string, Conversion> = {
  "events.k8s.io/v1/Event": events,
  "autoscaling/v1/HorizontalPodAutoscaler": horizontalPodAutoscalers,
};

/** How the stored form is treated when it comes by way of another resource, by that resource's groupResource. */
export const hubKinds: Record<string, Kind> = { "events.events.k8s.io": strictEventStrategy as unknown as Kind };
