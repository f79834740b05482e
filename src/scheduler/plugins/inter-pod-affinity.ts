/** Pods that want to be near other pods, or away from them. */
import type { Namespace, Node, Pod } from "../../api/types/core-v1.gen.ts";
import type { Counts } from "../cache/pod-index.ts";
import type { Snapshot } from "../cache/snapshot.ts";
import type { TopologyColumn } from "../cache/topology.ts";
import { type AffinityTerm, termMatches } from "../framework/affinity-term.ts";
import type { ClusterView } from "../framework/cluster-view.ts";
import { action, type ClusterEvent } from "../framework/events.ts";
import { type Cycle, maxNodeScore, type NodeCheck, type Plugin, type PodChange, rejection } from "../framework/plugin.ts";
import { type PodInfo, podInfoOf } from "../framework/pod-info.ts";
import { same } from "../framework/same.ts";
import type { PluginArgs } from "../plugin-args.ts";

const name = "InterPodAffinity";
const apart = rejection(name, false, "node(s) didn't match pod affinity rules");
const together = rejection(name, true, "node(s) didn't match pod anti-affinity rules");
const unwelcome = rejection(name, true, "node(s) didn't satisfy existing pods anti-affinity rules");

const matches = (term: AffinityTerm, info: PodInfo, cluster: ClusterView): boolean =>
  termMatches(term, info.namespace, info.pod.metadata.labels, cluster.namespaceLabels);
const matchesAll = (terms: readonly AffinityTerm[], info: PodInfo, cluster: ClusterView): boolean =>
  terms.length > 0 && terms.every((term) => matches(term, info, cluster));

/** Pods by value of one topology. */
class ByValue {
  readonly column: TopologyColumn;
  /** Shared with the index while there is one sort of pods only. */
  values: Float64Array;
  #own = false;
  constructor(column: TopologyColumn, values: Float64Array, factor: number) {
    this.column = column;
    this.values = values;
    if (factor !== 1) this.#add(new Float64Array(column.size), values, factor);
  }
  add(values: Float64Array, factor: number): void {
    this.#add(this.#own ? this.values : this.values.slice(), values, factor);
  }
  #add(to: Float64Array, values: Float64Array, factor: number): void {
    for (let id = 0; id < values.length; id++) to[id]! += values[id]! * factor;
    this.values = to;
    this.#own = true;
  }
  /** Whether anything was counted on a node that has the label. */
  get any(): boolean {
    return this.values.some((value) => value !== 0);
  }
}

class Tally {
  readonly byKey = new Map<string, ByValue>();
  readonly #snapshot: Snapshot;
  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
  }
  add(key: string, counts: Counts, factor = 1): void {
    if (counts.total === 0) return;
    const column = this.#snapshot.topology(key);
    const known = this.byKey.get(key);
    if (known) known.add(counts.by(column), factor);
    else this.byKey.set(key, new ByValue(column, counts.by(column), factor));
  }
  of(key: string): ByValue {
    let tally = this.byKey.get(key);
    if (!tally) {
      const column = this.#snapshot.topology(key);
      tally = new ByValue(column, new Float64Array(column.size), 1);
      this.byKey.set(key, tally);
    }
    return tally;
  }
  get any(): boolean {
    for (const tally of this.byKey.values()) if (tally.any) return true;
    return false;
  }
}

type Deltas = { existing: Map<string, number>; anti: Map<string, number>; affinity: number };

function deltasOf({ pod, cluster }: Cycle, changes: readonly PodChange[]): Deltas {
  const deltas: Deltas = { existing: new Map(), anti: new Map(), affinity: 0 };
  const count = (map: Map<string, number>, key: string, by: number): unknown => map.set(key, (map.get(key) ?? 0) + by);
  for (const { info, sign } of changes) {
    for (const term of info.terms.antiAffinity) if (matches(term, pod, cluster)) count(deltas.existing, term.topologyKey, sign);
    for (const term of pod.terms.antiAffinity) if (matches(term, info, cluster)) count(deltas.anti, term.topologyKey, sign);
    if (matchesAll(pod.terms.affinity, info, cluster)) deltas.affinity += sign;
  }
  return deltas;
}

function prepare(cycle: Cycle): { check: NodeCheck; adjusted(changes: readonly PodChange[]): NodeCheck } | undefined {
  const { pod, snapshot, cluster } = cycle;
  const { affinity, antiAffinity } = pod.terms;
  const existing = new Tally(snapshot);
  for (const carried of cluster.pods.carried("antiAffinity")) {
    if (matches(carried.term, pod, cluster)) existing.add(carried.term.topologyKey, carried);
  }
  const wanted = new Tally(snapshot);
  if (affinity.length) {
    const counts = cluster.pods.matching(affinity);
    for (const topologyKey of new Set(affinity.map((term) => term.topologyKey))) wanted.add(topologyKey, counts);
  }
  const unwanted = new Tally(snapshot);
  for (const term of antiAffinity) unwanted.add(term.topologyKey, cluster.pods.matching([term]));
  // As upstream: awaited pods that would keep this one away are not asked then.
  if (!affinity.length && !antiAffinity.length && !existing.any) return undefined;

  const affinityColumns = [...new Set(affinity.map(({ topologyKey }) => wanted.of(topologyKey)))];
  /** How many are there to be near to, anywhere. */
  const wantedAnywhere = affinityColumns.reduce((sum, { values }) => sum + values.reduce((a, b) => a + b, 0), 0);
  const isFirst = affinity.length > 0 && matchesAll(affinity, pod, cluster);
  const blocked = (tally: Tally, index: number, deltas: Map<string, number> | undefined): boolean => {
    for (const [key, { column, values }] of tally.byKey) {
      const id = column.ids[index] as number;
      if (id >= 0 && values[id]! + (deltas?.get(key) ?? 0) > 0) return true;
    }
    if (deltas) for (const [key, by] of deltas) if (by > 0 && !tally.byKey.has(key) && snapshot.topology(key).ids[index]! >= 0) return true;
    return false;
  };
  const checkWith =
    (deltas?: Deltas): NodeCheck =>
    ({ rows }, row) => {
      const index = rows[row]!.index;
      let near = true;
      const delta = deltas?.affinity ?? 0;
      for (const { column, values } of affinityColumns) {
        const id = column.ids[index] as number;
        if (id < 0) return apart;
        if (values[id]! + delta <= 0) near = false;
      }
      // The first of pods that want to be near each other has nobody to be near to.
      if (!near && !(isFirst && wantedAnywhere + delta * affinityColumns.length === 0)) return apart;
      if (blocked(unwanted, index, deltas?.anti)) return together;
      return blocked(existing, index, deltas?.existing) ? unwelcome : undefined;
    };
  return { check: checkWith(), adjusted: (changes) => checkWith(deltasOf(cycle, changes)) };
}

/** Points by value of each topology, for and against. */
function scoresOf({ pod, snapshot, cluster }: Cycle, args: PluginArgs["InterPodAffinity"]): Tally {
  const scores = new Tally(snapshot);
  for (const { term, weight } of pod.terms.preferred) scores.add(term.topologyKey, cluster.pods.matching([term]), weight);
  for (const { term, weight } of pod.terms.preferredAnti) scores.add(term.topologyKey, cluster.pods.matching([term]), -weight);
  const factors = { affinity: args.hardPodAffinityWeight, preferred: 1, preferredAnti: -1 };
  for (const kind of ["affinity", "preferred", "preferredAnti"] as const) {
    if (factors[kind] === 0) continue;
    for (const carried of cluster.pods.carried(kind)) {
      if (matches(carried.term, pod, cluster)) scores.add(carried.term.topologyKey, carried, factors[kind]);
    }
  }
  return scores;
}

function podHint(target: Pod, { old, object }: ClusterEvent, cluster: ClusterView): boolean {
  const pod = podInfoOf(target);
  const { affinity, antiAffinity } = pod.terms;
  const [before, after] = [old && podInfoOf(old as Pod), object && podInfoOf(object as Pod)];
  if ([before, after].some((info) => info && info.uid !== pod.uid && !info.pod.spec.nodeName && !info.pod.status?.nominatedNodeName)) return false;
  const wanted = (info: PodInfo): boolean => matchesAll(affinity, info, cluster);
  const unwanted = (info: PodInfo): boolean => antiAffinity.some((term) => matches(term, info, cluster));
  const repels = (info: PodInfo): boolean => info.terms.antiAffinity.some((term) => matches(term, pod, cluster));
  if (before && after) {
    if (after.uid === pod.uid) return !same(before.pod.metadata.labels, after.pod.metadata.labels);
    const unwantedByAll = (info: PodInfo): boolean => matchesAll(antiAffinity, info, cluster);
    return (!wanted(before) && wanted(after)) || (unwanted(before) && !unwanted(after)) || (unwantedByAll(before) && !unwantedByAll(after));
  }
  if (after) return wanted(after);
  return before !== undefined && (unwanted(before) || repels(before));
}

function nodeHint(pod: Pod, { old, object }: ClusterEvent): boolean {
  const { affinity, antiAffinity } = podInfoOf(pod).terms;
  const [before, after] = [(old as Node | undefined)?.metadata.labels, (object as Node).metadata.labels];
  const gained = ({ topologyKey }: AffinityTerm): boolean => after?.[topologyKey] !== undefined && (!old || before?.[topologyKey] !== after[topologyKey]);
  const left = ({ topologyKey }: AffinityTerm): boolean => before?.[topologyKey] !== undefined && before[topologyKey] !== after?.[topologyKey];
  if (affinity.length || antiAffinity.length) return affinity.some(gained) || antiAffinity.some((term) => !old || left(term));
  // Others keep the pod away: any new node, or one that has changed places, may be free of them.
  return !old || !same(before, after);
}

export const interPodAffinity = (args: PluginArgs["InterPodAffinity"]): Plugin => ({
  name,
  wakes: [
    { source: "AssignedPod", actions: action.add | action.delete | action.updatePodLabel, hint: podHint },
    { source: "TargetPod", actions: action.updatePodLabel, hint: podHint },
    { source: "Node", actions: action.add | action.updateLabel | action.updateTaint, hint: nodeHint },
    {
      source: "Namespace",
      actions: action.updateOther,
      hint: (_, { old, object }) => !same((old as Namespace).metadata.labels, (object as Namespace).metadata.labels),
    },
  ],
  filter: (cycle) => prepare(cycle) ?? "skip",
  score(cycle) {
    const { preferred, preferredAnti } = cycle.pod.terms;
    if (args.ignorePreferredTermsOfExistingPods && !preferred.length && !preferredAnti.length) return "skip";
    const scores = [...scoresOf(cycle, args).byKey.values()];
    if (!scores.length) return "skip";
    return {
      score(_: Snapshot, rows: Int32Array, out: Float64Array): void {
        for (let i = 0; i < rows.length; i++) {
          let sum = 0;
          for (const { column, values } of scores) {
            const id = column.ids[rows[i] as number] as number;
            if (id >= 0) sum += values[id] as number;
          }
          out[i] = sum;
        }
      },
      normalize(values: Float64Array): void {
        let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
        for (const value of values) {
          if (value < min) min = value;
          if (value > max) max = value;
        }
        for (let i = 0; i < values.length; i++) values[i] = max > min ? Math.trunc(maxNodeScore * ((values[i]! - min) / (max - min))) : 0;
      },
    };
  },
});
