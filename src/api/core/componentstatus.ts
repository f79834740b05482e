/** ComponentStatuses: read only, made up when asked for. */
import type { Kind } from "../kind.ts";
import type { ComponentStatus } from "../types/core-v1.gen.ts";

export const componentStatusKind: Kind<ComponentStatus> = {
  resource: "componentstatuses",
  cells(component) {
    const healthy = (component.conditions ?? []).find((condition) => condition.type === "Healthy");
    const state = healthy ? (healthy.status === "True" ? "Healthy" : "Unhealthy") : "Unknown";
    return [component.metadata.name, state, healthy?.message ?? "", healthy?.error ?? ""];
  },
};
