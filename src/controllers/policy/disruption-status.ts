/** What a PodDisruptionBudget allows at the moment (pkg/controller/disruption). Pure. */
import { scaledValue } from "../../api/intstr.ts";
import { setCondition } from "../../api/meta/conditions.ts";
import { formatTime, parseTime } from "../../api/time.ts";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from "../../api/types/policy-v1.gen.ts";
import { isReady } from "../runtime/pods.ts";

/** Milliseconds within which an evicted pod should have begun to end. */
export const deletionTimeout = 120_000;

/** Expected and required pods; `scale` is what the pods' controllers want in sum. Throws for a value that is no percentage. */
export function requirement({ spec }: PodDisruptionBudget, pods: number, scale: number): { expected: number; desired: number } {
  const { minAvailable, maxUnavailable } = spec;
  if (maxUnavailable !== undefined) return { expected: scale, desired: Math.max(0, scale - scaledValue(maxUnavailable, scale, true)) };
  if (typeof minAvailable === "number") return { expected: pods, desired: minAvailable };
  return minAvailable === undefined ? { expected: 0, desired: 0 } : { expected: scale, desired: scaledValue(minAvailable, scale, true) };
}

/** Whether the controllers' scale matters, and so pods without a controller make the result doubtful. */
export const usesScale = ({ spec: { minAvailable, maxUnavailable } }: PodDisruptionBudget): boolean =>
  maxUnavailable !== undefined || typeof minAvailable === "string";

export interface Disrupted {
  /** Evicted pods that are still there, by name. */
  pods: Record<string, string>;
  /** Evicted long ago, and nothing happened. */
  overdue: Pod[];
  /** Milliseconds since the epoch when the first of them becomes overdue. */
  recheckAt?: number;
}

export function stillDisrupted(status: PodDisruptionBudgetStatus | undefined, pods: readonly Pod[], now: number): Disrupted {
  const result: Disrupted = { pods: {}, overdue: [] };
  for (const pod of pods) {
    const since = status?.disruptedPods?.[pod.metadata.name];
    if (pod.metadata.deletionTimestamp || !since) continue;
    const due = parseTime(since) + deletionTimeout;
    if (due < now) result.overdue.push(pod);
    else {
      result.pods[pod.metadata.name] = since;
      result.recheckAt = Math.min(result.recheckAt ?? due, due);
    }
  }
  return result;
}

export function disruptionStatus(
  pdb: PodDisruptionBudget,
  pods: readonly Pod[],
  need: { expected: number; desired: number },
  disrupted: Disrupted,
  now: number,
): PodDisruptionBudgetStatus {
  const currentHealthy = pods.filter((pod) => !pod.metadata.deletionTimestamp && !(pod.metadata.name in disrupted.pods) && isReady(pod)).length;
  const disruptionsAllowed = need.expected > 0 ? Math.max(0, currentHealthy - need.desired) : 0;
  const observedGeneration = pdb.metadata.generation;
  const allowed = disruptionsAllowed > 0;
  const condition = {
    type: "DisruptionAllowed",
    status: allowed ? "True" : "False",
    reason: allowed ? "SufficientPods" : "InsufficientPods",
    message: "",
    observedGeneration,
  };
  return {
    ...(Object.keys(disrupted.pods).length ? { disruptedPods: disrupted.pods } : {}),
    currentHealthy,
    desiredHealthy: need.desired,
    expectedPods: need.expected,
    disruptionsAllowed,
    observedGeneration,
    conditions: setCondition(pdb.status?.conditions, condition, formatTime(now)),
  };
}
