/** What the controllers that delete pods because of taints measure. */
import type { Measures } from "../runtime/measures.ts";

const bounds = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 30, 60, 120, 180, 240];

/** Counts a deletion that came so many seconds after it was due. */
export function podDeletions(measures: Measures, prefix: string, who: string, between: string): (late: number) => void {
  const count = measures.counter(`${prefix}_pod_deletions_total`, `[ALPHA] Total number of Pods deleted by ${who} since its start.`);
  const help = `[ALPHA] Latency, in seconds, between the time when ${between} deletion via ${who}.`;
  const latency = measures.histogram(`${prefix}_pod_deletion_duration_seconds`, help, bounds);
  return (late) => {
    count.inc();
    latency.observe(Math.max(0, late));
  };
}
