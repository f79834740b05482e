/** What controllers ask about a pod (k8s.io/kubernetes/pkg/api/v1/pod, pkg/controller/controller_utils.go). Pure. */
import { isPodReady as isReady, isPodTerminal as isFinished, podCondition } from "../../api/core/pod-status.ts";
import { parseTime } from "../../api/time.ts";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import { table } from "../../base/table.ts";

export { isFinished, isReady };
export const isTerminating = (pod: Pod): boolean => pod.metadata.deletionTimestamp !== undefined;
/** Neither finished nor being deleted. */
export const isActive = (pod: Pod): boolean => !isFinished(pod) && !isTerminating(pod);

/** Since when it is ready, milliseconds; undefined when it is not, or nobody said when. */
export function readySince(pod: Pod): number | undefined {
  const condition = podCondition(pod.status, "Ready");
  return condition?.status === "True" && condition.lastTransitionTime ? parseTime(condition.lastTransitionTime) : undefined;
}

/** Ready for at least `minReadySeconds`. */
export function isAvailable(pod: Pod, minReadySeconds: number, now: number): boolean {
  if (!isReady(pod)) return false;
  if (!minReadySeconds) return true;
  const since = readySince(pod);
  return since !== undefined && since + minReadySeconds * 1000 <= now;
}

/** Milliseconds until the first of the ready pods becomes available; undefined when none will by waiting. */
export function nextAvailability(pods: readonly Pod[], minReadySeconds: number, now: number): number | undefined {
  let soonest: number | undefined;
  for (const pod of pods) {
    const since = readySince(pod);
    if (since === undefined || isAvailable(pod, minReadySeconds, now)) continue;
    const wait = since + minReadySeconds * 1000 - now;
    if (soonest === undefined || wait < soonest) soonest = wait;
  }
  return soonest;
}

const phaseOrder = table<number>({ Pending: 0, Unknown: 1, Running: 2 });
const deletionCost = (pod: Pod): number => {
  const text = pod.metadata.annotations?.["controller.kubernetes.io/pod-deletion-cost"];
  return text !== undefined && /^-?(0|[1-9]\d*)$/.test(text) ? Number(text) : 0;
};
const restarts = (pod: Pod): number => {
  const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  return Math.max(0, ...statuses.map((s) => s.restartCount));
};
/** Ages are compared by their power of two only, so that not always the youngest dies. */
const logAge = (since: number, now: number): number => (now - since > 0 ? Math.floor(Math.log2((now - since) * 1e6)) : 0);

/**
 * The order in which surplus pods are deleted, first to go first: unassigned, pending, not ready, cheap, doubled up on a
 * node (`rank`: ready relatives there), recently ready, often restarted, young.
 */
export function deletionOrder(pods: readonly Pod[], rank: (pod: Pod) => number, now: number): Pod[] {
  const byAge = (a: number | undefined, b: number | undefined, x: Pod, y: Pod): number => {
    if (a === b) return 0;
    if (a === undefined || b === undefined) return a === undefined ? -1 : 1;
    return logAge(a, now) - logAge(b, now) || (x.metadata.uid < y.metadata.uid ? -1 : 1);
  };
  return pods.toSorted((a, b) => {
    if (!a.spec.nodeName !== !b.spec.nodeName) return a.spec.nodeName ? 1 : -1;
    const phase = (phaseOrder[a.status?.phase ?? ""] ?? 0) - (phaseOrder[b.status?.phase ?? ""] ?? 0);
    if (phase) return phase;
    if (isReady(a) !== isReady(b)) return isReady(a) ? 1 : -1;
    const cost = deletionCost(a) - deletionCost(b);
    if (cost) return cost;
    const doubled = rank(b) - rank(a);
    if (doubled) return doubled;
    return (
      (isReady(a) && isReady(b) ? byAge(readySince(a), readySince(b), a, b) : 0) ||
      restarts(b) - restarts(a) ||
      byAge(parseTime(a.metadata.creationTimestamp), parseTime(b.metadata.creationTimestamp), a, b)
    );
  });
}
