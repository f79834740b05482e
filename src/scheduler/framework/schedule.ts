/** One scheduling cycle, decided: which nodes fit a pod, why the others do not, and which is best. Waits for nothing. */
import type { Random } from "../../base/random.ts";
import type { Snapshot } from "../cache/snapshot.ts";
import { type Cycle, isRejection, type Plugin, type Rejection } from "./plugin.ts";
import type { ClusterView } from "./cluster-view.ts";
import { noNodesAvailable, type Nominations } from "./nominations.ts";
import type { PluginArgs } from "../plugin-args.ts";
import type { PodInfo } from "./pod-info.ts";
import { type PreparedFilters, prepareFilters } from "./prepared-filters.ts";
import { RejectedNodes, type RejectionOf } from "./rejected-nodes.ts";

export interface Profile {
  readonly plugins: readonly Plugin[];
  /** By plugin name; 1 where absent. */
  readonly weights: Readonly<Record<string, number>>;
  /** 0: by the size of the cluster. */
  readonly percentageOfNodesToScore: number;
  /** Whether pods that matter less may be evicted. */
  readonly preempts: boolean;
  /** Whether devices that others hold are looked for first; upstream says of it that there are none. */
  readonly freesDevices: boolean;
  readonly preemption: PluginArgs["DefaultPreemption"];
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

/** No node fits. */
export interface NotFound {
  readonly row: undefined;
  readonly diagnosis: Diagnosis;
  readonly prepared: PreparedFilters | undefined;
}

export type Outcome = { readonly row: number; readonly evaluated: number; readonly feasible: number } | NotFound;

/** Nodes that fit; all of it is valid until the next search. */
export interface Found {
  readonly rows: Int32Array;
  /** How many nodes were looked at. */
  readonly evaluated: number;
  readonly prepared: PreparedFilters;
  /** Those of them that do not fit. */
  rejected(): RejectedNodes;
}

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

/** The same in arrays of its own. */
export function totalScores(profile: Profile, cycle: Cycle, feasible: Int32Array): Float64Array {
  const total = new Float64Array(feasible.length);
  if (feasible.length) addScores(profile, cycle, feasible, total, new Float64Array(feasible.length));
  return total;
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
  const aside = rejectionAside(early, pod, snapshot, nominations);
  const rejected = new RejectedNodes(rejectedRows, rejections, unlessKnown(rejectedRows, aside));
  const feasible = Int32Array.from(rows);
  const scores = totalScores(profile, cycle, feasible);
  return {
    feasible: rows.map((row, i) => ({ row, score: scores[i] as number })),
    prepared: early,
    diagnosis: { total, rejected, others: unsatisfied(early, aside), plugins: pluginsOf(early, rejected) },
  };
}

function rowsToTry({ nodeNames }: PreparedFilters, { order, byName, rows }: Snapshot): Int32Array {
  if (!nodeNames) return order;
  const known = [...nodeNames].map((name) => byName.get(name)).filter((row) => row !== undefined && rows[row]?.node);
  return Int32Array.from(known as number[]);
}

/**
 * Upstream tries the promised node first, also where plugins have confined the pod to some; what refuses it there is told
 * of all others too.
 */
function rejectionAside(prepared: PreparedFilters, pod: PodInfo, snapshot: Snapshot, nominations: Nominations): RejectionOf | undefined {
  const promised = pod.pod.status?.nominatedNodeName;
  if (!promised || !prepared.nodeNames) return undefined;
  const row = snapshot.byName.get(promised);
  if (row === undefined || !snapshot.rows[row]?.node) return undefined;
  const rejection = nominations.check(prepared, pod, snapshot, row);
  return rejection && { row, rejection };
}

/** One more, where it is of a node that was not looked at with the others. */
const unlessKnown = (rows: readonly number[], aside: RejectionOf | undefined): RejectionOf | undefined =>
  aside && !rows.includes(aside.row) ? aside : undefined;

function pluginsOf({ confining }: PreparedFilters, rejected: RejectedNodes): Set<string> {
  const plugins = new Set(confining);
  for (const { plugin } of rejected.counts().keys()) plugins.add(plugin);
  return plugins;
}

/** Said of nodes that were not looked at because a plugin has confined the pod to others. */
function unsatisfied({ nodeNames, confining }: PreparedFilters, aside: RejectionOf | undefined): Rejection | undefined {
  if (!nodeNames) return undefined;
  const plugins = new Set([...confining, ...(aside ? [aside.rejection.plugin] : [])]);
  return { plugin: "", reasons: [`node(s) didn't satisfy plugin(s) [${[...plugins].sort().join(" ")}]`], resolvable: false };
}

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
    const found = this.search(profile, pod, snapshot, cluster, nominations);
    if (!("rows" in found)) return found;
    const { rows, evaluated } = found;
    const row = rows.length === 1 ? (rows[0] as number) : this.#best(profile, { pod, snapshot, cluster }, rows);
    return { row, evaluated, feasible: rows.length };
  }

  /** Nodes that fit, enough to choose from; what speaks against the pod where there are none. */
  search(profile: Profile, pod: PodInfo, snapshot: Snapshot, cluster: ClusterView, nominations: Nominations): Found | NotFound {
    const total = snapshot.size;
    const refusedAtOnce = (early: Rejection, ...plugins: string[]): NotFound => ({
      row: undefined,
      prepared: undefined,
      diagnosis: { total, rejected: new RejectedNodes(), early, plugins: new Set(plugins) },
    });
    if (total === 0) return refusedAtOnce(noNodesAvailable);
    const prepared = prepareFilters(profile.plugins, { pod, snapshot, cluster });
    if (isRejection(prepared)) return refusedAtOnce(prepared, prepared.plugin);
    const nominated = pod.pod.status?.nominatedNodeName;
    if (nominated) {
      const row = snapshot.byName.get(nominated);
      if (row !== undefined && snapshot.rows[row]?.node && !nominations.check(prepared, pod, snapshot, row)) {
        return { rows: Int32Array.of(row), evaluated: 1, prepared, rejected: () => new RejectedNodes() };
      }
    }
    this.#rejectedRows.length = this.#rejections.length = 0;
    const count = this.#find(profile, prepared, pod, snapshot, nominations);
    const evaluated = count + this.#rejectedRows.length;
    this.#next = (this.#next + evaluated) % total;
    const rejected = (aside?: RejectionOf): RejectedNodes =>
      new RejectedNodes(this.#rejectedRows.slice(), this.#rejections.slice(), unlessKnown(this.#rejectedRows, aside));
    if (count > 0) return { rows: this.#feasible.subarray(0, count), evaluated, prepared, rejected };
    const aside = rejectionAside(prepared, pod, snapshot, nominations);
    const all = rejected(aside);
    return { row: undefined, prepared, diagnosis: { total, rejected: all, others: unsatisfied(prepared, aside), plugins: pluginsOf(prepared, all) } };
  }

  #find(profile: Profile, prepared: PreparedFilters, pod: PodInfo, snapshot: Snapshot, nominations: Nominations): number {
    const rows = rowsToTry(prepared, snapshot);
    const enough = enoughNodes(rows.length, profile.percentageOfNodesToScore);
    if (this.#feasible.length < enough) this.#feasible = new Int32Array(enough);
    // Most nodes may be out of the question whatever runs there: only where nothing is found all have to say why.
    const fitting = prepared.nodeNames ? undefined : prepared.fitting();
    if (fitting && fitting.length < rows.length) {
      const found = this.#try(fitting, enough, prepared, pod, snapshot, nominations);
      if (found > 0) return found;
      this.#rejectedRows.length = this.#rejections.length = 0;
    }
    return this.#try(rows, enough, prepared, pod, snapshot, nominations);
  }

  #try(rows: Int32Array, enough: number, prepared: PreparedFilters, pod: PodInfo, snapshot: Snapshot, nominations: Nominations): number {
    const all = rows.length;
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
