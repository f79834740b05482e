/** All filters of a profile, asked of one pod at once. */
import { type Cycle, isRejection, type NodeCheck, type Plugin, type PodChange, type PreparedFilter, type Rejection } from "./plugin.ts";

/** All of a pod's filters, ready to be asked. */
export interface PreparedFilters {
  readonly list: readonly PreparedFilter[];
  readonly check: NodeCheck;
  /** As it would be after changes to the pods of one node. */
  adjusted(changes: readonly PodChange[]): NodeCheck;
  /** Nodes that can fit at all; undefined for all. */
  readonly nodeNames: ReadonlySet<string> | undefined;
  /** Plugins that confined them. */
  readonly confining: readonly string[];
}

function allOf(checks: readonly NodeCheck[]): NodeCheck {
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
  const confining: string[] = [];
  let nodeNames: ReadonlySet<string> | undefined;
  for (const plugin of plugins) {
    const prepared = plugin.filter?.(cycle);
    if (!prepared || prepared === "skip") continue;
    if (isRejection(prepared)) return prepared;
    list.push(prepared);
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
  return {
    list,
    check: allOf(list.flatMap(({ check }) => (check ? [check] : []))),
    adjusted: (changes) => allOf(list.flatMap((one) => (one.adjusted ? [one.adjusted(changes)] : one.check ? [one.check] : []))),
    nodeNames,
    confining,
  };
}
