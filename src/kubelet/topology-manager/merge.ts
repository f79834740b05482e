/** One place from what everybody says (pkg/kubelet/cm/topologymanager/policy.go). Pure. */
import type { Hints, TopologyHint } from "./hints.ts";
import { count, isNarrower, type Mask, maskOf, nodesOf } from "./mask.ts";

export interface NumaInfo {
  /** In order. */
  nodes: readonly number[];
  /** From node to node, by place in `nodes`; undefined: not known. */
  distances?: readonly (readonly number[])[];
}

export type TopologyPolicyName = "none" | "best-effort" | "restricted" | "single-numa-node";

export interface TopologyPolicy {
  name: Exclude<TopologyPolicyName, "none">;
  numa: NumaInfo;
  preferClosest: boolean;
}

interface Merged {
  affinity: Mask;
  preferred: boolean;
}

/** One list of hints per resource; whoever does not care says so with one that fits everywhere. */
function lists(providers: readonly Hints[]): (readonly TopologyHint[])[] {
  return providers.flatMap((hints): (readonly TopologyHint[])[] => {
    if (!hints.size) return [[{ preferred: true }]];
    return [...hints.values()].map((list) => (list === undefined ? [{ preferred: true }] : list.length ? list : [{ preferred: false }]));
  });
}

/** The most nodes that any resource needs at least. */
function mostNeeded(all: readonly (readonly TopologyHint[])[]): number {
  let most = 0;
  for (const hints of all) {
    const counts = hints.flatMap(({ affinity }) => (affinity === undefined ? [] : [count(affinity)]));
    if (counts.length) most = Math.max(most, Math.min(...counts));
  }
  return most;
}

function averageDistance({ nodes, distances }: NumaInfo, mask: Mask): number {
  const chosen = nodesOf(mask);
  let sum = 0;
  for (const a of chosen) for (const b of chosen) sum += distances?.[nodes.indexOf(a)]?.[nodes.indexOf(b)] ?? 0;
  return chosen.length ? sum / chosen.length ** 2 : 0;
}

function fitter(policy: TopologyPolicy, current: Merged, candidate: Merged): Merged {
  const [a, b] = [current.affinity, candidate.affinity];
  if (a === b) return current;
  if (policy.preferClosest && policy.name !== "single-numa-node" && count(a) === count(b)) {
    const [left, right] = [averageDistance(policy.numa, a), averageDistance(policy.numa, b)];
    if (left !== right) return left < right ? current : candidate;
    return a < b ? current : candidate;
  }
  return isNarrower(a, b) ? current : candidate;
}

/** Among hints that nobody prefers, those come first that come closest to `wanted` nodes from below, then the fitter one. */
function better(policy: TopologyPolicy, wanted: number, current: Merged | undefined, candidate: Merged): Merged | undefined {
  const nodes = count(candidate.affinity);
  if (nodes === 0) return current;
  if (!current) return candidate;
  if (current.preferred !== candidate.preferred) return current.preferred ? current : candidate;
  if (current.preferred) return fitter(policy, current, candidate);
  const before = count(current.affinity);
  if (before > wanted) return fitter(policy, current, candidate);
  if (before === wanted) return nodes === wanted ? fitter(policy, current, candidate) : current;
  if (nodes > wanted) return current;
  if (nodes === wanted || nodes > before) return candidate;
  return nodes < before ? current : fitter(policy, current, candidate);
}

/** Calls `visit` with what each choice of one hint per list comes to. */
function combine(all: readonly (readonly TopologyHint[])[], everywhere: Mask, visit: (merged: Merged) => void): void {
  const next = (place: number, merged: Merged, first: Mask | undefined): void => {
    const hints = all[place];
    if (!hints) visit(merged);
    for (const { affinity, preferred } of hints ?? []) {
      const differs = affinity !== undefined && first !== undefined && affinity !== first;
      next(
        place + 1,
        { affinity: affinity === undefined ? merged.affinity : merged.affinity & affinity, preferred: merged.preferred && preferred && !differs },
        first ?? affinity,
      );
    }
  };
  next(0, { affinity: everywhere, preferred: true }, undefined);
}

/** Where to place, and whether the policy takes the pod there. */
export function mergeHints(policy: TopologyPolicy, providers: readonly Hints[]): { hint: TopologyHint; admit: boolean } {
  const everywhere = maskOf(policy.numa.nodes);
  const single = policy.name === "single-numa-node";
  let all = lists(providers);
  if (single) all = all.map((hints) => hints.filter((h) => h.preferred && (h.affinity === undefined || count(h.affinity) === 1)));
  const wanted = mostNeeded(all);
  let best: Merged | undefined;
  combine(all, everywhere, (merged) => {
    best = better(policy, wanted, best, merged);
  });
  const { affinity, preferred } = best ?? { affinity: everywhere, preferred: false };
  const hint: TopologyHint = single && affinity === everywhere ? { preferred } : { affinity, preferred };
  return { hint, admit: policy.name === "best-effort" || preferred };
}
