/** Extenders narrow down whom to evict for a pod's sake. */
import type { Logger } from "../base/logger.ts";
import type { Snapshot } from "./cache/snapshot.ts";
import type { Extender } from "./extender.ts";
import type { PodInfo } from "./framework/pod-info.ts";
import { best, type Candidate, noDevices, type PostFilterResult } from "./preemption.ts";

/** The pods that an extender names, which must be on the node. */
function victimsOf({ name }: Extender, node: string, uids: readonly string[], snapshot: Snapshot): PodInfo[] {
  const row = snapshot.rows[snapshot.byName.get(node) ?? -1];
  if (!row) throw new Error(`nodeinfo not found for node name ${JSON.stringify(node)}`);
  return uids.map((uid) => {
    const info = row.pods.get(uid);
    if (!info) throw new Error(`extender: ${name} claims to preempt pod (UID: ${uid}) on node: ${node}, but the pod is not found on that node`);
    return info;
  });
}

/** `current` is asked after each answer: the cluster goes on meanwhile. */
export async function narrowed(
  extenders: readonly Extender[],
  { pod }: PodInfo,
  result: PostFilterResult,
  current: () => Snapshot,
  logger: Logger,
  signal: AbortSignal,
): Promise<PostFilterResult> {
  let candidates: readonly Candidate[] = result.all ?? [];
  for (const extender of extenders) {
    if (!extender.preempt || !candidates.length) continue;
    const choices = candidates.map(({ node, victims, violations }) => ({ node, violations, pods: victims.map((victim) => victim.pod) }));
    try {
      const answer = await extender.preempt(pod, choices, signal);
      const left: Candidate[] = [];
      for (const [node, { uids, violations }] of answer) {
        const victims = victimsOf(extender, node, uids, current());
        if (victims.length) left.push({ node, victims, violations });
        else if (!extender.ignorable) throw new Error(`expected at least one victim pod on node ${JSON.stringify(node)}`);
      }
      candidates = left;
    } catch (error) {
      if (signal.aborted) throw error;
      if (!extender.ignorable) return { promise: undefined, message: `preemption: ${(error as Error).message}` };
      logger.warn("an extender failed and is left out", { extender: extender.name, error });
    }
  }
  const [candidate] = best(candidates);
  if (candidate) return { candidate, promise: candidate.node, message: "" };
  return { promise: undefined, message: `${noDevices}, preemption: no candidate node for preemption` };
}
