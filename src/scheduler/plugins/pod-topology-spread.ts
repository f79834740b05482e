/** Spreads pods that a selector matches over zones, hosts and other topologies (KEP-895, KEP-3022, KEP-3094). */
import type { Node, Pod } from "../../api/types/core-v1.gen.ts";
import { action, type ClusterEvent } from "../framework/events.ts";
import type { ClusterView } from "../framework/cluster-view.ts";
import { type Cycle, maxNodeScore, type NodeCheck, type Plugin, type PodChange, rejection } from "../framework/plugin.ts";
import { same } from "../framework/same.ts";
import type { PluginArgs } from "../plugin-args.ts";
import type { TopologyColumn } from "../cache/topology.ts";
import { type Constraint, spreadConstraints } from "./spread-constraints.ts";

const name = "PodTopologySpread";
const unspread = rejection(name, true, "node(s) didn't match pod topology spread constraints");
const unlabelled = rejection(name, false, "node(s) didn't match pod topology spread constraints (missing required label)");
const hostname = "kubernetes.io/hostname";

/** How the pods that a constraint counts are spread now. */
interface Spread {
  readonly constraint: Constraint;
  readonly column: TopologyColumn;
  /** By value; -1 for values that do not count. */
  readonly counts: Int32Array;
  readonly self: 0 | 1;
  /** The least, where it is, and the least elsewhere. */
  readonly least: number;
  readonly leastAt: number;
  readonly leastElsewhere: number;
  readonly enoughDomains: boolean;
}

/** By value of the topology; -1 for values that no node has. Where all nodes count, none has to be looked at. */
function countAll({ pod, cluster }: Cycle, { selector }: Constraint, column: TopologyColumn): Int32Array {
  const { size, nodes } = column;
  const sums = selector.empty ? undefined : cluster.pods.selected(pod.namespace, selector).by(column);
  const counts = new Int32Array(size);
  for (let id = 0; id < size; id++) counts[id] = (nodes[id] as number) > 0 ? (sums?.[id] ?? 0) : -1;
  return counts;
}

function countsOf(cycle: Cycle, constraints: readonly Constraint[], columns: readonly TopologyColumn[]): readonly Int32Array[] {
  const { pod, snapshot, cluster } = cycle;
  const [first] = constraints;
  const [column] = columns;
  if (constraints.length === 1 && first && column && !first.includes) return [countAll(cycle, first, column)];
  const counts = columns.map(({ size }) => new Int32Array(size).fill(-1));
  const matching = constraints.map(({ selector }) => (selector.empty ? undefined : cluster.pods.selected(pod.namespace, selector).counts));
  const { order, rows } = snapshot;
  const only = constraints.length === 1;
  for (let i = 0; i < order.length; i++) {
    const row = order[i] as number;
    if (!only && columns.some(({ ids }) => ids[row] === -1)) continue;
    for (let c = 0; c < constraints.length; c++) {
      const id = columns[c]!.ids[row] as number;
      if (id < 0) continue;
      const { includes } = constraints[c] as Constraint;
      if (includes && !includes(rows[row]!)) continue;
      const own = counts[c] as Int32Array;
      if (own[id] === -1) own[id] = 0;
      own[id]! += matching[c]?.[row] ?? 0;
    }
  }
  return counts;
}

function measure(cycle: Cycle, constraints: readonly Constraint[]): Spread[] {
  const { pod, snapshot } = cycle;
  const columns = constraints.map(({ key }) => snapshot.topology(key));
  const counts = countsOf(cycle, constraints, columns);
  return constraints.map((constraint, c): Spread => {
    const own = counts[c] as Int32Array;
    let [least, leastAt, leastElsewhere, domains] = [Number.MAX_SAFE_INTEGER, -1, Number.MAX_SAFE_INTEGER, 0];
    for (let id = 0; id < own.length; id++) {
      const count = own[id] as number;
      if (count < 0) continue;
      domains++;
      if (count < least) [leastElsewhere, least, leastAt] = [least, count, id];
      else if (count < leastElsewhere) leastElsewhere = count;
    }
    const self = constraint.selector.matches(pod.pod.metadata.labels) ? 1 : 0;
    return { constraint, column: columns[c]!, counts: own, self, least, leastAt, leastElsewhere, enoughDomains: domains >= constraint.minDomains };
  });
}

/** `deltas`: by constraint, what has changed on the one row that is asked about. */
function checkOf(spreads: readonly Spread[], deltas?: readonly number[]): NodeCheck {
  return ({ rows }, row) => {
    const index = rows[row]!.index;
    for (let c = 0; c < spreads.length; c++) {
      const { constraint, column, counts, self, least, leastAt, leastElsewhere, enoughDomains } = spreads[c] as Spread;
      const id = column.ids[index] as number;
      if (id < 0) return unlabelled;
      const delta = deltas?.[c] ?? 0;
      const count = Math.max(counts[id] as number, 0) + delta;
      const min = !enoughDomains ? 0 : delta === 0 ? least : Math.min(id === leastAt ? leastElsewhere : least, count);
      // Without any node that counts there is no minimum to compare with.
      if (count + self - (min === Number.MAX_SAFE_INTEGER ? 2147483647 : min) > constraint.maxSkew) return unspread;
    }
    return undefined;
  };
}

function deltasOf({ pod, snapshot }: Cycle, spreads: readonly Spread[], changes: readonly PodChange[]): number[] {
  const deltas = spreads.map(() => 0);
  for (const { info, sign, row } of changes) {
    if (info.namespace !== pod.namespace || spreads.some(({ column }) => (column.ids[row] as number) < 0)) continue;
    spreads.forEach(({ constraint }, c) => {
      if (!constraint.selector.matches(info.pod.metadata.labels)) return;
      if (constraint.includes && !constraint.includes(snapshot.rows[row]!)) return;
      deltas[c]! += sign;
    });
  }
  return deltas;
}

/** Nodes without one of the labels are left out, unless the constraints are the system's. */
function scorer(cycle: Cycle, feasible: Int32Array, constraints: readonly Constraint[], requireAll: boolean) {
  const { pod, snapshot, cluster } = cycle;
  const columns = constraints.map(({ key }) => snapshot.topology(key));
  const complete = (row: number): boolean => !requireAll || columns.every(({ ids }) => (ids[row] as number) >= 0);
  const ignored = new Uint8Array(feasible.length);
  let scored = feasible.length;
  for (let i = 0; i < feasible.length; i++) {
    if (complete(feasible[i] as number)) continue;
    ignored[i] = 1;
    scored--;
  }
  const parts = constraints.map((constraint, c) => {
    const { ids, size } = columns[c] as TopologyColumn;
    const selected = constraint.selector.empty ? undefined : cluster.pods.selected(pod.namespace, constraint.selector);
    const perRow = selected?.counts;
    if (constraint.key === hostname) return { ids, perRow, counts: undefined, weight: Math.log(scored + 2), base: constraint.maxSkew - 1 };
    // The value "none" comes last: nodes without the label are one domain of their own.
    const counts = new Float64Array(size + 1).fill(-1);
    let domains = 0;
    for (let i = 0; i < feasible.length; i++) {
      if (ignored[i]) continue;
      const id = ids[feasible[i] as number] as number;
      const at = id < 0 ? size : id;
      if (counts[at] !== -1) continue;
      counts[at] = 0;
      domains++;
    }
    const add = (id: number, count: number): void => {
      if (id >= 0 && counts[id] !== -1) counts[id]! += count;
    };
    if (selected && !constraint.includes && (constraints.length === 1 || !requireAll)) {
      // Where all nodes that have the label count, none has to be looked at.
      for (const [id, count] of selected.by(columns[c] as TopologyColumn).entries()) add(id, count);
    } else if (perRow) {
      for (const row of snapshot.order) {
        const counted = complete(row) && (!constraint.includes || constraint.includes(snapshot.rows[row]!));
        if (counted) add(ids[row] as number, perRow[row] as number);
      }
    }
    return { ids, perRow, counts, weight: Math.log(domains + 2), base: constraint.maxSkew - 1 };
  });
  return {
    score(_: unknown, rows: Int32Array, out: Float64Array): void {
      for (let i = 0; i < rows.length; i++) {
        let score = 0;
        if (!ignored[i]) {
          const row = rows[i] as number;
          for (const { ids, perRow, counts, weight, base } of parts) {
            const id = ids[row] as number;
            if (id >= 0) score += (counts ? (counts[id] as number) : (perRow?.[row] ?? 0)) * weight + base;
          }
        }
        out[i] = Math.round(score);
      }
    },
    normalize(scores: Float64Array): void {
      let [min, max] = [Number.MAX_SAFE_INTEGER, 0];
      for (let i = 0; i < scores.length; i++) {
        if (ignored[i]) continue;
        min = Math.min(min, scores[i] as number);
        max = Math.max(max, scores[i] as number);
      }
      for (let i = 0; i < scores.length; i++) {
        scores[i] = ignored[i] ? 0 : max === 0 ? maxNodeScore : Math.trunc((maxNodeScore * (max + min - (scores[i] as number))) / max);
      }
    },
  };
}

type Args = PluginArgs["PodTopologySpread"];
const hard = (pod: Pod, cluster: ClusterView, { defaultConstraints }: Args): Constraint[] =>
  spreadConstraints(pod, "DoNotSchedule", cluster, defaultConstraints);

function podHint(args: Args, pod: Pod, { old, object }: ClusterEvent, cluster: ClusterView): boolean {
  const [before, after] = [old, object] as (Pod | undefined)[];
  const involved = (other: Pod): boolean =>
    other.metadata.uid === pod.metadata.uid ||
    ((Boolean(other.spec.nodeName) || Boolean(other.status?.nominatedNodeName)) && other.metadata.namespace === pod.metadata.namespace);
  if ((before && !involved(before)) || (after && !involved(after))) return false;
  const constraints = hard(pod, cluster, args);
  const matches = (other: Pod): boolean[] => constraints.map(({ selector }) => selector.matches(other.metadata.labels));
  if (!before || !after) return matches((before ?? after) as Pod).includes(true);
  if (after.metadata.uid === pod.metadata.uid && !same(before.spec.tolerations, after.spec.tolerations) && constraints.some((c) => c.honorTaints)) return true;
  return !same(matches(before), matches(after));
}

function nodeHint(args: Args, pod: Pod, { old, object }: ClusterEvent, cluster: ClusterView): boolean {
  const [before, after] = [old, object] as (Node | undefined)[];
  const keys = hard(pod, cluster, args).map(({ key }) => key);
  const complete = (node: Node | undefined): boolean => node !== undefined && keys.every((key) => node.metadata.labels?.[key] !== undefined);
  if (!before || !after) return complete(before ?? after);
  if (complete(before) !== complete(after)) return true;
  const moved = keys.some((key) => before.metadata.labels?.[key] !== after.metadata.labels?.[key]);
  return complete(after) && (moved || !same(before.spec?.taints, after.spec?.taints));
}

export const podTopologySpread = (args: Args): Plugin => ({
  name,
  wakes: [
    { source: "AssignedPod", actions: action.add | action.delete | action.updatePodLabel, hint: (...about) => podHint(args, ...about) },
    { source: "TargetPod", actions: action.updatePodLabel | action.updatePodTolerations, hint: (...about) => podHint(args, ...about) },
    { source: "Node", actions: action.add | action.delete | action.updateLabel | action.updateTaint, hint: (...about) => nodeHint(args, ...about) },
  ],
  filter(cycle) {
    const constraints = hard(cycle.pod.pod, cycle.cluster, args);
    if (!constraints.length) return "skip";
    const spreads = measure(cycle, constraints);
    return { check: checkOf(spreads), adjusted: (changes) => checkOf(spreads, deltasOf(cycle, spreads, changes)) };
  },
  score(cycle, feasible) {
    const constraints = spreadConstraints(cycle.pod.pod, "ScheduleAnyway", cycle.cluster, args.defaultConstraints);
    const isSystems = !cycle.pod.pod.spec.topologySpreadConstraints?.length && !args.defaultConstraints;
    return constraints.length ? scorer(cycle, feasible, constraints, !isSystems) : "skip";
  },
});
