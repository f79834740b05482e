/** From a freshly computed status to what is stored and sent (upstream's pkg/kubelet/status status_manager.go). Pure. */
import type { Pod, PodCondition, PodStatus } from "../api/types/core-v1.gen.ts";
import { ownedConditions } from "./conditions.ts";
import { isTerminalPhase } from "./pod.ts";

/** Deep equality of JSON values; an absent key equals undefined and null. */
export function sameJSON(a: unknown, b: unknown): boolean {
  if (a === b || (a ?? undefined) === (b ?? undefined)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((v, i) => sameJSON(v, b[i]));
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) if (!sameJSON(left[key], right[key])) return false;
  return true;
}

/** Sets the start time and the transition times: unchanged conditions keep theirs. `now` is RFC 3339. */
export function withTimes(status: PodStatus, old: PodStatus, now: string): PodStatus {
  const conditions = (status.conditions ?? []).map((condition) => {
    if (!ownedConditions.has(condition.type)) return condition;
    const before = old.conditions?.find((c) => c.type === condition.type);
    // Of a resize that waits or goes on, another reason is a transition.
    const same = before?.status === condition.status && (!condition.type.startsWith("PodResize") || before.reason === condition.reason);
    const lastTransitionTime = same && before?.lastTransitionTime ? before.lastTransitionTime : now;
    return { ...condition, lastTransitionTime };
  });
  const observed = Math.max(status.observedGeneration ?? 0, old.observedGeneration ?? 0);
  return { ...status, conditions, startTime: old.startTime ?? status.startTime ?? now, ...(observed ? { observedGeneration: observed } : {}) };
}

/**
 * What the API's status becomes: conditions and fields of others stay, and a terminal phase waits until nothing of the
 * pod can run any more.
 */
export function mergeStatus(pod: Pod, status: PodStatus, couldRun: boolean): PodStatus {
  const old = pod.status ?? {};
  const own = (status.conditions ?? []).filter((c) => ownedConditions.has(c.type));
  const foreign = (old.conditions ?? []).filter((c) => !ownedConditions.has(c.type));
  const merged: PodStatus = { ...status, conditions: [...foreign, ...own] };
  for (const field of ["resourceClaimStatuses", "extendedResourceClaimStatus", "nodeAllocatableResourceClaimStatuses", "nominatedNodeName", "resize"] as const)
    if (old[field] !== undefined) Object.assign(merged, { [field]: old[field] });
  if (!isTerminalPhase(old.phase) && isTerminalPhase(merged.phase) && couldRun) {
    merged.phase = old.phase;
    merged.reason = old.reason;
    merged.message = old.message;
  }
  if (isTerminalPhase(merged.phase)) {
    const reason = merged.phase === "Failed" ? "PodFailed" : "PodCompleted";
    merged.conditions = merged.conditions?.map((c) =>
      (c.type === "Ready" || c.type === "ContainersReady") && c.status === "True" ? ({ ...c, status: "False", reason, message: undefined } as PodCondition) : c,
    );
  }
  return merged;
}

interface Merged {
  key: string;
  list: "conditions" | "podIPs" | "hostIPs";
}
const mergedLists: Merged[] = [
  { key: "type", list: "conditions" },
  { key: "ip", list: "podIPs" },
  { key: "ip", list: "hostIPs" },
];

/** A strategic merge patch of the status, or undefined when nothing changes. Bound to the pod's uid. */
export function statusPatch(uid: string, old: PodStatus, status: PodStatus): object | undefined {
  const patch: Record<string, unknown> = {};
  const left = old as Record<string, unknown>;
  const right = status as Record<string, unknown>;
  for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
    if (sameJSON(left[key], right[key])) continue;
    const merged = mergedLists.find((m) => m.list === key);
    if (!merged) patch[key] = right[key] ?? null;
    else Object.assign(patch, listPatch(merged, (left[key] ?? []) as Item[], (right[key] ?? []) as Item[]));
  }
  return Object.keys(patch).length ? { metadata: { uid }, status: patch } : undefined;
}

type Item = Record<string, unknown>;
function listPatch({ key, list }: Merged, old: Item[], items: Item[]): Record<string, unknown> {
  const changes: Item[] = [];
  for (const item of items) {
    const before = old.find((o) => o[key] === item[key]);
    if (before && sameJSON(before, item)) continue;
    const change: Item = { ...item };
    // A merge keeps what it is not told about.
    for (const field of Object.keys(before ?? {})) if (item[field] === undefined && before?.[field] !== null) change[field] = null;
    changes.push(change);
  }
  for (const gone of old) if (!items.some((item) => item[key] === gone[key])) changes.push({ $patch: "delete", [key]: gone[key] });
  // The server refuses an order of nothing.
  if (!changes.length) return {};
  return { [`$setElementOrder/${list}`]: items.map((item) => ({ [key]: item[key] })), [list]: changes };
}
