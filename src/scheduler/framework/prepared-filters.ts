/** All filters of a profile, asked of one pod at once. */
import { type Cycle, isRejection, type NodeCheck, type Plugin, type PodChange, type PreparedFilter, type Rejection } from "./plugin.ts";
import { wishesOf } from "./static-verdicts.ts";

/** All of a pod's filters, ready to be asked. */
export interface PreparedFilters {
  readonly list: readonly PreparedFilter[];
  readonly check: NodeCheck;
  /** False: `check` says all once the pods of the row itself are changed. */
  readonly adjusts: boolean;
  /** As it would be after changes to the pods of one node. */
  adjusted(changes: readonly PodChange[]): NodeCheck;
  /** Nodes that can fit at all; undefined for all. */
  readonly nodeNames: ReadonlySet<string> | undefined;
  /** Rows that can fit by what nodes are, whatever runs there; undefined where that was not asked. */
  fitting(): Int32Array | undefined;
  /** Plugins that confined them. */
  readonly confining: readonly string[];
}

function allOf(checks: readonly NodeCheck[]): NodeCheck {
  const [first, second] = checks;
  if (checks.length === 1 && first) return first;
  if (checks.length === 2 && first && second) return (snapshot, row) => first(snapshot, row) ?? second(snapshot, row);
  return (snapshot, row) => {
    for (const check of checks) {
      const rejected = check(snapshot, row);
      if (rejected) return rejected;
    }
    return undefined;
  };
}

export function prepareFilters(plugins: readonly Plugin[], cycle: Cycle): PreparedFilters | Rejection {
  const list: PreparedFilter[] = [];
  const fixed: NodeCheck[] = [];
  const confining: string[] = [];
  let nodeNames: ReadonlySet<string> | undefined;
  for (const plugin of plugins) {
    const prepared = plugin.filter?.(cycle);
    if (!prepared || prepared === "skip") continue;
    if (isRejection(prepared)) return prepared;
    if (!plugin.isStatic || list.length > 0) list.push(prepared);
    else if (prepared.check) fixed.push(prepared.check);
    if (!prepared.nodeNames) continue;
    confining.push(plugin.name);
    nodeNames = nodeNames ? nodeNames.intersection(prepared.nodeNames) : prepared.nodeNames;
    if (nodeNames.size) continue;
    const why =
      confining.length === 1
        ? `node(s) didn't satisfy plugin ${confining[0]}`
        : `node(s) didn't satisfy plugin(s) [${[...confining].sort().join(" ")}] simultaneously`;
    return { plugin: plugin.name, reasons: [why], resolvable: false };
  }
  const { pod, snapshot } = cycle;
  const wishes = fixed.length ? wishesOf(pod.pod) : "";
  const byWishes = fixed.length ? snapshot.staticVerdicts.remembering(wishes, snapshot, allOf(fixed)) : undefined;
  if (byWishes) list.unshift({ check: byWishes });
  return {
    list,
    check: allOf(list.flatMap(({ check }) => (check ? [check] : []))),
    adjusts: list.some(({ adjusted }) => adjusted),
    adjusted: (changes) => allOf(list.flatMap((one) => (one.adjusted ? [one.adjusted(changes)] : one.check ? [one.check] : []))),
    nodeNames,
    fitting: () => byWishes && snapshot.staticVerdicts.fitting(wishes, snapshot, byWishes),
    confining,
  };
}
