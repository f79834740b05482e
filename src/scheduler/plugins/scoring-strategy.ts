/** How full a node may be to be good (NodeResourcesFitArgs.scoringStrategy). */
import { maxNodeScore } from "../framework/plugin.ts";
import type { ResourceColumn, ResourceWeight } from "./resource-columns.ts";

export interface ShapePoint {
  /** Percent. */
  readonly utilization: number;
  /** 0 to 10. */
  readonly score: number;
}

export interface ScoringStrategy {
  readonly type: "LeastAllocated" | "MostAllocated" | "RequestedToCapacityRatio";
  readonly resources: readonly ResourceWeight[];
  /** Of RequestedToCapacityRatio. */
  readonly shape?: readonly ShapePoint[];
}

/** Of one resource: what will be used of what there is, which is not zero. */
type Score = (used: number, capacity: number) => number;

const least: Score = (used, capacity) => (used > capacity ? 0 : Math.trunc(((capacity - used) * maxNodeScore) / capacity));
const most: Score = (used, capacity) => Math.trunc((Math.min(used, capacity) * maxNodeScore) / capacity);

function ratio(points: readonly ShapePoint[]): Score {
  // Points are given out of 10.
  const shape = points.map(({ utilization, score }) => ({ utilization, score: score * 10 }));
  const at = (percent: number): number => {
    const next = shape.findIndex(({ utilization }) => percent <= utilization);
    if (next < 0) return shape.at(-1)?.score ?? 0;
    const [to, from] = [shape[next]!, shape[next - 1]];
    if (!from) return to.score;
    return from.score + Math.trunc(((to.score - from.score) * (percent - from.utilization)) / (to.utilization - from.utilization));
  };
  return (used, capacity) => at(used > capacity ? 100 : Math.trunc((used * 100) / capacity));
}

/** The score of one row over the resources. */
export function strategyScore({ type, shape = [] }: ScoringStrategy): (columns: readonly ResourceColumn[], row: number) => number {
  const byRatio = type === "RequestedToCapacityRatio";
  const score = byRatio ? ratio(shape) : type === "MostAllocated" ? most : least;
  return (columns, row) => {
    let sum = 0;
    let weights = 0;
    for (const { allocatable, used, wanted, weight } of columns) {
      const capacity = allocatable[row] as number;
      if (capacity === 0) continue;
      const points = score(used[row]! + wanted, capacity);
      if (byRatio && points <= 0) continue;
      sum += points * weight;
      weights += weight;
    }
    if (weights === 0) return 0;
    return byRatio ? Math.round(sum / weights) : Math.trunc(sum / weights);
  };
}
