/** What is known of a node's health, by its own reports and its lease (pkg/controller/nodelifecycle). Pure. */
import { formatTime } from "../../api/time.ts";
import type { Lease } from "../../api/types/coordination-v1.gen.ts";
import type { Node, NodeCondition } from "../../api/types/core-v1.gen.ts";
import { semanticEqual } from "../runtime/equal.ts";

export interface NodeHealth {
  conditions: NodeCondition[];
  renewTime?: string;
  /** By our clock, milliseconds: when it last gave a sign of life. */
  seenAt: number;
}

export interface Grace {
  /** Milliseconds of silence before a node that has reported is taken for lost. */
  monitor: number;
  /** The same for one that has never reported. */
  startup: number;
}

/** Any change of its Ready condition or its lease is a sign of life. */
export function observe(last: NodeHealth | undefined, node: Node, lease: Lease | undefined, now: number): NodeHealth {
  const conditions = node.status?.conditions ?? [];
  const renewTime = lease?.spec?.renewTime;
  const ready = (list: readonly NodeCondition[]): NodeCondition | undefined => list.find((c) => c.type === "Ready");
  const alive = !last || !semanticEqual(ready(last.conditions), ready(conditions)) || (renewTime !== undefined && renewTime !== last.renewTime);
  return { conditions, renewTime, seenAt: alive ? now : last.seenAt };
}

/** The node's conditions with Unknown where it has been silent too long; undefined while it has not. */
export function silentConditions(node: Node, health: NodeHealth, grace: Grace, now: number): NodeCondition[] | undefined {
  const conditions = node.status?.conditions ?? [];
  const hasReported = conditions.some((c) => c.type === "Ready");
  if (now <= health.seenAt + (hasReported ? grace.monitor : grace.startup)) return undefined;
  const at = formatTime(now);
  const result = [...conditions];
  let changed = false;
  for (const type of ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"]) {
    const index = conditions.findIndex((c) => c.type === type);
    const old = conditions[index];
    if (!old) {
      const message = "Kubelet never posted node status.";
      const lastHeartbeatTime = node.metadata.creationTimestamp;
      result.push({ type, status: "Unknown", reason: "NodeStatusNeverUpdated", message, lastHeartbeatTime, lastTransitionTime: at });
      changed = true;
    } else if (old.status !== "Unknown") {
      result[index] = { ...old, status: "Unknown", reason: "NodeStatusUnknown", message: "Kubelet stopped posting node status.", lastTransitionTime: at };
      changed = true;
    }
  }
  return changed ? result : undefined;
}

export const zoneOf = ({ metadata: { labels = {} } }: Node): string => {
  const region = labels["topology.kubernetes.io/region"] ?? labels["failure-domain.beta.kubernetes.io/region"] ?? "";
  const zone = labels["topology.kubernetes.io/zone"] ?? labels["failure-domain.beta.kubernetes.io/zone"] ?? "";
  return region || zone ? `${region}:\0:${zone}` : "";
};

export type ZoneState = "Normal" | "PartialDisruption" | "FullDisruption";

/** When most of a zone is lost, it is more likely the network than the nodes. */
export function zoneState(ready: number, notReady: number, threshold = 0.55): ZoneState {
  if (ready === 0 && notReady > 0) return "FullDisruption";
  return notReady > 2 && notReady / (notReady + ready) >= threshold ? "PartialDisruption" : "Normal";
}

export interface EvictionRates {
  primary: number;
  /** In a large zone that is mostly lost. */
  secondary: number;
  /** Nodes beyond which a zone is large. */
  large: number;
}

/** Nodes a second whose pods may be evicted in a zone; none when every zone is lost. */
export function evictionRate(state: ZoneState, size: number, allLost: boolean, { primary, secondary, large }: EvictionRates): number {
  if (allLost) return 0;
  if (state !== "PartialDisruption") return primary;
  return size > large ? secondary : 0;
}
