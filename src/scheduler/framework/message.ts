/** The sentence that says why a pod cannot be scheduled, as upstream words it (FitError). */
import type { Diagnosis } from "./schedule.ts";

/** `2 node(s) were unschedulable, 1 Insufficient cpu`, sorted as text. */
function histogram({ rejected, others, total }: Diagnosis): string {
  const counts = new Map<string, number>();
  const count = (reason: string, by: number): unknown => counts.set(reason, (counts.get(reason) ?? 0) + by);
  for (const [{ reasons }, nodes] of rejected.counts()) for (const reason of reasons) count(reason, nodes);
  if (rejected.size < total) for (const reason of others?.reasons ?? []) count(reason, total - rejected.size);
  return [...counts]
    .map(([reason, n]) => `${n} ${reason}`)
    .sort()
    .join(", ");
}

export function fitMessage(diagnosis: Diagnosis, afterFilter = ""): string {
  const { total, early } = diagnosis;
  if (total === 0) return early?.reasons.join(", ") ?? "";
  const why = early ? early.reasons.join(", ") : histogram(diagnosis);
  return `0/${total} nodes are available:${why ? ` ${why}.` : ""}${afterFilter ? ` ${afterFilter}` : ""}`;
}
