/** One scheduling cycle, decided: which nodes fit a pod, why the others do not, and which is best. Waits for nothing. */
import type { Random } from "../../base/random.ts";
import type { Snapshot } from "../cache/snapshot.ts";
import { isRejection, type Plugin, type Rejection } from "./plugin.ts";
import type { ClusterView } from "./cluster-view.ts";
import { noNodesAvailable, type Nominations } from "./nominations.ts";
import type { PodInfo } from "./pod-info.ts";
import { type PreparedFilters, prepareFilters } from "./prepared-filters.ts";

export interface Profile {
  readonly plugins: readonly Plugin[];
  /** By plugin name; 1 where absent. */
  readonly weights: Readonly<Record<string, number>>;
  /** 0: by the size of the cluster. */
  readonly percentageOfNodesToScore: number;
  /** Whether pods that matter less may be evicted. */
  readonly preempts: boolean;
}

/** Why no node was found. */
export interface Diagnosis {
  /** Nodes of the cluster. */
  readonly total: number;
  /** Rows that were looked at and refused. */
  readonly rejected: ReadonlyMap<number, Rejection>;
  /** Said of all nodes that are not in `rejected`. */
  readonly others?: Rejection;
  /** Set when the pod was refused before any node was looked at. */
  readonly early?: Rejection;
  /** Plugins whose refusal events may undo. */
  readonly plugins: ReadonlySet<string>;
}

export type Outcome =
  | { readonly row: number; readonly evaluated: number; readonly feasible: number }
  | { readonly row: undefined; readonly diagnosis: Diagnosis; readonly prepared: PreparedFilters | undefined };

/** How many fitting nodes are enough (numFeasibleNodesToFind). */
export function enoughNodes(all: number, percentage: number): number {
  const least = 100;
  if (all < least) return all;
  const share = percentage > 0 ? percentage : Math.max(50 - Math.trunc(all / 125), 5);
  return Math.max(Math.trunc((all * share) / 100), least);
}

export class SchedulingAlgorithm {
  readonly #random: Random;
  /** Where the search goes on, so that all nodes have their turn. */
  #next = 0;
  #feasible = new Int32Array(0);
  #scores = new Float64Array(0);
  #total = new Float64Array(0);

  constructor(random: Random) {
    this.#random = random;
  }

  schedule(profile: Profile, pod: PodInfo, snapshot: Snapshot, cluster: ClusterView, nominations: Nominations): Outcome {
    const total = snapshot.size;
    if (total === 0) return { row: undefined, prepared: undefined, diagnosis: { total, rejected: new Map(), early: noNodesAvailable, plugins: new Set() } };
    const cycle = { pod, snapshot, cluster };
    const prepared = prepareFilters(profile.plugins, cycle);
    if (isRejection(prepared)) {
      return { row: undefined, prepared: undefined, diagnosis: { total, rejected: new Map(), early: prepared, plugins: new Set([prepared.plugin]) } };
    }
    const rejected = new Map<number, Rejection>();
    const nominated = pod.pod.status?.nominatedNodeName;
    if (nominated) {
      const row = snapshot.order.find((candidate) => snapshot.rows[candidate]?.name === nominated);
      if (row !== undefined && !nominations.check(prepared, pod, snapshot, row)) return { row, evaluated: 1, feasible: 1 };
    }
    const rows = prepared.nodeNames ? snapshot.order.filter((row) => prepared.nodeNames?.has(snapshot.rows[row]?.name as string)) : snapshot.order;
    const found = this.#find(profile, prepared, pod, snapshot, nominations, rows, rejected);
    this.#next = (this.#next + found + rejected.size) % total;
    if (found === 0) {
      const others = prepared.nodeNames
        ? { plugin: "", reasons: [`node(s) didn't satisfy plugin(s) [${[...prepared.confining].sort().join(" ")}]`], resolvable: false }
        : undefined;
      const plugins = new Set(prepared.confining);
      for (const { plugin } of rejected.values()) plugins.add(plugin);
      return { row: undefined, prepared, diagnosis: { total, rejected, others, plugins } };
    }
    const feasible = this.#feasible.subarray(0, found);
    const row = found === 1 ? (feasible[0] as number) : this.#best(profile, cycle, feasible);
    return { row, evaluated: found + rejected.size, feasible: found };
  }

  #find(
    profile: Profile,
    prepared: PreparedFilters,
    pod: PodInfo,
    snapshot: Snapshot,
    nominations: Nominations,
    rows: Int32Array,
    rejected: Map<number, Rejection>,
  ): number {
    const all = rows.length;
    const enough = enoughNodes(all, profile.percentageOfNodesToScore);
    if (this.#feasible.length < enough) this.#feasible = new Int32Array(enough);
    const feasible = this.#feasible;
    const simple = nominations.empty;
    let found = 0;
    for (let i = 0, at = all ? this.#next % all : 0; i < all && found < enough; i++, at = at + 1 === all ? 0 : at + 1) {
      const row = rows[at] as number;
      const rejection = simple ? prepared.check(snapshot, row) : nominations.check(prepared, pod, snapshot, row);
      if (rejection) rejected.set(row, rejection);
      else feasible[found++] = row;
    }
    return found;
  }

  /** The highest total; among equals each has the same chance. */
  #best(profile: Profile, cycle: { pod: PodInfo; snapshot: Snapshot; cluster: ClusterView }, feasible: Int32Array): number {
    const count = feasible.length;
    if (this.#total.length < count) {
      this.#total = new Float64Array(count);
      this.#scores = new Float64Array(count);
    }
    const total = this.#total.subarray(0, count).fill(0);
    const scores = this.#scores.subarray(0, count);
    for (const plugin of profile.plugins) {
      const prepared = plugin.score?.(cycle, feasible);
      if (!prepared || prepared === "skip") continue;
      prepared.score(cycle.snapshot, feasible, scores);
      prepared.normalize?.(scores);
      const weight = profile.weights[plugin.name] ?? 1;
      for (let i = 0; i < count; i++) total[i]! += weight * scores[i]!;
    }
    let best = 0;
    let equals = 1;
    for (let i = 1; i < count; i++) {
      if (total[i]! > total[best]!) {
        best = i;
        equals = 1;
      } else if (total[i] === total[best] && this.#random.int(++equals) === 0) best = i;
    }
    return feasible[best] as number;
  }
}
