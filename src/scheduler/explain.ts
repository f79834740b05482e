/** Why a pod is where it is, or nowhere: for each node what speaks against it. */
import type { Snapshot } from "./cache/snapshot.ts";
import type { ClusterView } from "./framework/cluster-view.ts";
import type { Nominations } from "./framework/nominations.ts";
import type { PodInfo } from "./framework/pod-info.ts";
import { evaluate, type Profile } from "./framework/schedule.ts";

export interface Explanation {
  readonly node: string;
  /** "" where the node fits. */
  readonly plugin: string;
  /** "" where the node fits. */
  readonly reason: string;
}

/** One line per node and reason, nodes in the order in which they are tried; all nodes are looked at. */
export function explain(pod: PodInfo, snapshot: Snapshot, cluster: ClusterView, profile: Profile, nominations: Nominations): Explanation[] {
  const { feasible, diagnosis } = evaluate(profile, { pod, snapshot, cluster }, nominations);
  const { rejected, early, others } = diagnosis;
  const fits = new Set(feasible.map(({ row }) => row));
  return [...snapshot.order].flatMap((row) => {
    const node = snapshot.rows[row]?.name as string;
    const why = fits.has(row) ? undefined : (early ?? rejected.get(row) ?? others);
    return why ? why.reasons.map((reason) => ({ node, plugin: why.plugin, reason })) : [{ node, plugin: "", reason: "" }];
  });
}
