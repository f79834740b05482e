/** Taints that follow from a node's state, and which pods put up with taints. Pure. */
import type { Node, Taint, Toleration } from "../../api/types/core-v1.gen.ts";
import { table } from "../../base/table.ts";

const byCondition = table<Record<string, string>>({
  Ready: { False: "node.kubernetes.io/not-ready", Unknown: "node.kubernetes.io/unreachable" },
  MemoryPressure: { True: "node.kubernetes.io/memory-pressure" },
  DiskPressure: { True: "node.kubernetes.io/disk-pressure" },
  NetworkUnavailable: { True: "node.kubernetes.io/network-unavailable" },
  PIDPressure: { True: "node.kubernetes.io/pid-pressure" },
});
const unschedulable = "node.kubernetes.io/unschedulable";
const managed = new Set([unschedulable, ...Object.values(byCondition).flatMap((statuses) => Object.values(statuses))]);
export const notReadyKey = "node.kubernetes.io/not-ready";
export const unreachableKey = "node.kubernetes.io/unreachable";

/** Keys of the NoSchedule taints that the node's conditions ask for. */
export function noScheduleKeys(node: Node): Set<string> {
  const keys = new Set<string>();
  for (const { type, status } of node.status?.conditions ?? []) {
    const key = byCondition[type]?.[status];
    if (key) keys.add(key);
  }
  if (node.spec?.unschedulable) keys.add(unschedulable);
  return keys;
}

/** The node's taints with its managed NoSchedule ones put right; undefined when they are. */
export function withNoSchedule(node: Node, time: string): Taint[] | undefined {
  const wanted = noScheduleKeys(node);
  const taints = node.spec?.taints ?? [];
  const kept = taints.filter((t) => t.effect !== "NoSchedule" || !managed.has(t.key) || wanted.has(t.key));
  const present = new Set(kept.filter((t) => t.effect === "NoSchedule").map((t) => t.key));
  const added = [...wanted].filter((key) => !present.has(key)).map((key): Taint => ({ key, effect: "NoSchedule", timeAdded: time }));
  return added.length === 0 && kept.length === taints.length ? undefined : [...kept, ...added];
}

/** The node's taints with this NoExecute one, or neither of the two; undefined when they are so. */
export function withNoExecute(node: Node, key: string | undefined, time: string): Taint[] | undefined {
  const isOurs = (t: Taint): boolean => t.effect === "NoExecute" && (t.key === notReadyKey || t.key === unreachableKey);
  const taints = node.spec?.taints ?? [];
  const ours = taints.filter(isOurs);
  if (key === undefined ? ours.length === 0 : ours.length === 1 && ours[0]?.key === key) return undefined;
  const others = taints.filter((t) => !isOurs(t));
  return key === undefined ? others : [...others, { key, effect: "NoExecute", timeAdded: time }];
}

export function tolerates({ key, operator, value, effect }: Toleration, taint: Taint): boolean {
  if (effect && effect !== taint.effect) return false;
  if (key && key !== taint.key) return false;
  if (operator === "Exists") return true;
  const [mine, theirs] = [value ?? "", taint.value ?? ""];
  if (operator === "Lt" || operator === "Gt") {
    if (!/^-?\d+$/.test(mine) || !/^-?\d+$/.test(theirs)) return false;
    return operator === "Lt" ? BigInt(theirs) < BigInt(mine) : BigInt(theirs) > BigInt(mine);
  }
  return mine === theirs;
}

/**
 * Milliseconds for which a pod with these tolerations may stay under these NoExecute taints: 0 when one is not tolerated,
 * undefined when all are for ever.
 */
export function toleratedFor(tolerations: readonly Toleration[] | undefined, taints: readonly Taint[]): number | undefined {
  let least: number | undefined;
  for (const taint of taints) {
    const matching = (tolerations ?? []).filter((t) => tolerates(t, taint));
    if (matching.length === 0) return 0;
    for (const { tolerationSeconds } of matching) {
      if (tolerationSeconds === undefined) continue;
      const ms = Math.max(0, tolerationSeconds) * 1000;
      if (least === undefined || ms < least) least = ms;
    }
  }
  return least;
}
