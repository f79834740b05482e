/** Sets of completion indexes as a Job's status writes them: `1,3-5,7` (pkg/controller/job/indexed_job_utils.go). Pure. */
import type { Pod } from "../../api/types/core-v1.gen.ts";

export const completionIndexKey = "batch.kubernetes.io/job-completion-index";

/** Undefined for a pod that has none. */
export function indexOf(pod: Pod): number | undefined {
  const text = pod.metadata.annotations?.[completionIndexKey];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** Indexes below `completions`; what cannot be read is left out. */
export function parseIndexes(text: string | undefined, completions: number): Set<number> {
  const indexes = new Set<number>();
  for (const part of (text ?? "").split(",")) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (!match) continue;
    const last = Math.min(Number(match[2] ?? match[1]), completions - 1);
    for (let i = Number(match[1]); i <= last; i++) indexes.add(i);
  }
  return indexes;
}

/** Runs of three and more with a dash. */
export function formatIndexes(indexes: ReadonlySet<number>): string {
  const sorted = [...indexes].sort((a, b) => a - b);
  const parts: string[] = [];
  for (let i = 0; i < sorted.length; ) {
    let end = i;
    while (sorted[end + 1] === (sorted[end] as number) + 1) end++;
    const [first, last] = [sorted[i] as number, sorted[end] as number];
    parts.push(last === first ? `${first}` : last === first + 1 ? `${first},${last}` : `${first}-${last}`);
    i = end + 1;
  }
  return parts.join(",");
}

/** The first `count` indexes below `completions` that are in none of the sets. */
export function firstPending(count: number, completions: number, ...taken: ReadonlySet<number>[]): number[] {
  const pending: number[] = [];
  for (let i = 0; i < completions && pending.length < count; i++) if (!taken.some((set) => set.has(i))) pending.push(i);
  return pending;
}
