/** One scheduling cycle, decided: which nodes fit a pod, why the others do not, and which is best. Waits for nothing. */
import type { Random } from "../../base/random.ts";
import type { Snapshot } from "../cache/snapshot.ts";
import { type Cycle, isRejection, type Plugin, type Rejection } from "./plugin.ts";
import type { ClusterView } from "./cluster-view.ts";
import { noNodesAvailable, type Nominations } from "./nominations.ts";
import type { PodInfo } from "./pod-info.ts";
import { type PreparedFilters, prepareFilters } from "./prepared-filters.ts";
import { RejectedNodes } from "./rejected-nodes.ts";

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
  readonly rejected: RejectedNodes;
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

/** Weighted sums of all scores, one per feasible row; `scores` is room to work in. */
function addScores(profile: Profile, cycle: Cycle, feasible: Int32Array, total: Float64Array, scores: Float64Array): void {
  total.fill(0);
  for (const plugin of profile.plugins) {
    const prepared = plugin.score?.(cycle, feasible);
    if (!prepared || prepared === "skip") continue;
    prepared.score(cycle.snapshot, feasible, scores);
    prepared.normalize?.(scores);
    const weight = profile.weights[plugin.name] ?? 1;
    for (let i = 0; i < feasible.length; i++) total[i]! += weight * scores[i]!;
  }
}

/** What would be decided about a pod if all nodes were looked at. */
export interface Evaluation {
  /** Fitting rows and their total scores, in the snapshot's order. */
  readonly feasible: readonly { readonly row: number; readonly score: number }[];
  readonly diagnosis: Diagnosis;
  readonly prepared: PreparedFilters | undefined;
}

export function evaluate(profile: Profile, cycle: Cycle, nominations: Nominations): Evaluation {
  const { snapshot, pod } = cycle;
  const total = snapshot.size;
  const early = total === 0 ? noNodesAvailable : prepareFilters(profile.plugins, cycle);
  if (isRejection(early)) {
    return { feasible: [], prepared: undefined, diagnosis: { total, rejected: new RejectedNodes(), early, plugins: new Set([early.plugin]) } };
  }
  const rows: number[] = [];
  const rejectedRows: number[] = [];
  const rejections: Rejection[] = [];
  for (const row of rowsToTry(early, snapshot)) {
    const rejection = nominations.check(early, pod, snapshot, row);
    if (rejection) {
      rejectedRows.push(row);
      rejections.push(rejection);
    } else rows.push(row);
  }
  const rejected = new RejectedNodes(rejectedRows, rejections);
  const feasible = Int32Array.from(rows);
  const scores = new Float64Array(rows.length);
  if (rows.length) addScores(profile, cycle, feasible, scores, new Float64Array(rows.length));
  return {
    feasible: rows.map((row, i) => ({ row, score: scores[i] as number })),
    prepared: early,
    diagnosis: { total, rejected, others: unsatisfied(early), plugins: pluginsOf(early, rejected) },
  };
}

function rowsToTry({ nodeNames }: PreparedFilters, { order, byName, rows }: Snapshot): Int32Array {
  if (!nodeNames) return order;
  const known = [...nodeNames].map((name) => byName.get(name)).filter((row) => row !== undefined && rows[row]?.node);
  return Int32Array.from(known as number[]);
}

function pluginsOf({ confining }: PreparedFilters, rejected: RejectedNodes): Set<string> {
  const plugins = new Set(confining);
  for (const { plugin } of rejected.counts().keys()) plugins.add(plugin);
  return plugins;
}

/** Said of nodes that were not looked at because a plugin has confined the pod to others. */
const unsatisfied = ({ nodeNames, confining }: PreparedFilters): Rejection | undefined =>
  nodeNames && { plugin: "", reasons: [`node(s) didn't satisfy plugin(s) [${[...confining].sort().join(" ")}]`], resolvable: false };

export class SchedulingAlgorithm {
  readonly #random: Random;
  /** Where the search goes on, so that all nodes have their turn. */
  #next = 0;
  #feasible = new Int32Array(0);
  #scores = new Float64Array(0);
  #total = new Float64Array(0);
  /** Of the last search; they are copied only where no node was found. */
  readonly #rejectedRows: number[] = [];
  readonly #rejections: Rejection[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  schedule(profile: Profile, pod: PodInfo, snapshot: Snapshot, cluster: ClusterView, nominations: Nominations): Outcome {
    const total = snapshot.size;
    if (total === 0)
      return { row: undefined, prepared: undefined, diagnosis: { total, rejected: new RejectedNodes(), early: noNodesAvailable, plugins: new Set() } };
    const cycle = { pod, snapshot, cluster };
    const prepared = prepareFilters(profile.plugins, cycle);
    if (isRejection(prepared)) {
      const diagnosis = { total, rejected: new RejectedNodes(), early: prepared, plugins: new Set([prepared.plugin]) };
      return { row: undefined, prepared: undefined, diagnosis };
    }
    const nominated = pod.pod.status?.nominatedNodeName;
    if (nominated) {
      const row = snapshot.byName.get(nominated);
      if (row !== undefined && snapshot.rows[row]?.node && !nominations.check(prepared, pod, snapshot, row)) return { row, evaluated: 1, feasible: 1 };
    }
    const rows = rowsToTry(prepared, snapshot);
    this.#rejectedRows.length = this.#rejections.length = 0;
    const found = this.#find(profile, prepared, pod, snapshot, nominations, rows);
    const evaluated = found + this.#rejectedRows.length;
    this.#next = (this.#next + evaluated) % total;
    if (found === 0) {
      const rejected = new RejectedNodes(this.#rejectedRows.slice(), this.#rejections.slice());
      return { row: undefined, prepared, diagnosis: { total, rejected, others: unsatisfied(prepared), plugins: pluginsOf(prepared, rejected) } };
    }
    const feasible = this.#feasible.subarray(0, found);
    const row = found === 1 ? (feasible[0] as number) : this.#best(profile, cycle, feasible);
    return { row, evaluated, feasible: found };
  }

  #find(profile: Profile, prepared: PreparedFilters, pod: PodInfo, snapshot: Snapshot, nominations: Nominations, rows: Int32Array): number {
    const all = rows.length;
    const enough = enoughNodes(all, profile.percentageOfNodesToScore);
    if (this.#feasible.length < enough) this.#feasible = new Int32Array(enough);
    const feasible = this.#feasible;
    const awaited = nominations.empty ? undefined : nominations.awaited(snapshot);
    let found = 0;
    for (let i = 0, at = all ? this.#next % all : 0; i < all && found < enough; i++, at = at + 1 === all ? 0 : at + 1) {
      const row = rows[at] as number;
      const rejection = awaited?.[row] ? nominations.check(prepared, pod, snapshot, row) : prepared.check(snapshot, row);
      if (rejection) {
        this.#rejectedRows.push(row);
        this.#rejections.push(rejection);
      } else feasible[found++] = row;
    }
    return found;
  }

  /** The highest total; among equals each has the same chance. */
  #best(profile: Profile, cycle: Cycle, feasible: Int32Array): number {
    const count = feasible.length;
    if (this.#total.length < count) {
      this.#total = new Float64Array(count);
      this.#scores = new Float64Array(count);
    }
    const total = this.#total.subarray(0, count);
    addScores(profile, cycle, feasible, total, this.#scores.subarray(0, count));
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
