/** Memory of the nodes of the machine, given away and taken back (pkg/kubelet/cm/memorymanager/policy_static.go). Pure but for the state. */
import type { NumaNode } from "../../linux/topology.ts";
import type { TopologyHint } from "../topology-manager/hints.ts";
import { count, isNarrower, type Mask, maskOf, nodesOf, subsets } from "../topology-manager/mask.ts";
import type { Block, NodeState } from "./state.ts";

/** Bytes by resource. */
export type Amounts = ReadonlyMap<string, number>;
export type Machine = Record<string, NodeState>;
/** What is kept for the system, by node. */
export type Reserved = ReadonlyMap<number, Amounts>;

const suffixes: [number, string][] = [
  [2 ** 30, "Gi"],
  [2 ** 20, "Mi"],
  [2 ** 10, "Ki"],
];
const hugePages = (bytes: number): string => {
  const [unit, suffix] = suffixes.find(([size]) => bytes % size === 0) ?? [1, ""];
  return `hugepages-${bytes / unit}${suffix}`;
};

/** With nothing given away. */
export function freshMachine(nodes: readonly NumaNode[], reserved: Reserved): Machine {
  return Object.fromEntries(
    nodes.map(({ id, memory, hugePages: pages }): [string, NodeState] => {
      const memoryMap: NodeState["memoryMap"] = {};
      const add = (name: string, total: number, taken = 0): void => {
        const systemReserved = reserved.get(id)?.get(name) ?? 0;
        const allocatable = total - systemReserved - taken;
        memoryMap[name] = { total, systemReserved, allocatable, reserved: 0, free: allocatable };
      };
      let huge = 0;
      for (const [size, number] of pages) {
        add(hugePages(size), size * number);
        huge += size * number;
      }
      add("memory", memory, huge);
      return [String(id), { numberOfAssignments: 0, memoryMap, cells: [id] }];
    }),
  );
}

const nodeAt = (machine: Machine, node: number): NodeState => machine[node] as NodeState;
const sum = (machine: Machine, nodes: readonly number[], name: string, what: "free" | "allocatable"): number =>
  nodes.reduce((total, node) => total + (nodeAt(machine, node).memoryMap[name]?.[what] ?? 0), 0);
const sameGroup = (a: readonly number[], b: readonly number[]): boolean => maskOf(a) === maskOf(b);

/** A node gives memory either alone or always together with the same others. */
export function violates(machine: Machine, mask: Mask): boolean {
  const nodes = nodesOf(mask);
  if (nodes.length === 1) return false;
  return nodes.some((node) => {
    const { numberOfAssignments, cells } = nodeAt(machine, node);
    return numberOfAssignments > 0 && (cells.length === 1 || !sameGroup(cells, nodes));
  });
}

export const satisfies = (machine: Machine, mask: Mask, wanted: Amounts): boolean =>
  [...wanted].every(([name, size]) => sum(machine, nodesOf(mask), name, "free") >= size);

/** Where the amounts are to be had; `reusable`: what the pod has on these nodes already and may use again. */
export function memoryHints(machine: Machine, wanted: Amounts, reusable: (mask: Mask, name: string) => number): TopologyHint[] {
  const all = Object.keys(machine)
    .map(Number)
    .sort((a, b) => a - b);
  let fewest = all.length;
  const fitting: Mask[] = [];
  for (const mask of subsets(all)) {
    const nodes = nodesOf(mask);
    if ([...wanted].some(([name, size]) => sum(machine, nodes, name, "allocatable") < size)) continue;
    fewest = Math.min(fewest, nodes.length);
    if (nodes.length === 1 && nodeAt(machine, nodes[0] as number).cells.length > 1) continue;
    if (violates(machine, mask)) continue;
    if ([...wanted].every(([name, size]) => sum(machine, nodes, name, "free") + reusable(mask, name) >= size)) fitting.push(mask);
  }
  return fitting.map((affinity) => ({ affinity, preferred: count(affinity) === fewest }));
}

/** Preferred ones first, then the narrowest. */
export function bestHint(hints: readonly TopologyHint[]): { affinity: Mask; preferred: boolean } | undefined {
  let best: { affinity: Mask; preferred: boolean } | undefined;
  for (const { affinity, preferred } of hints) {
    if (affinity === undefined) continue;
    if (!best || (preferred && !best.preferred) || (preferred === best.preferred && isNarrower(affinity, best.affinity))) best = { affinity, preferred };
  }
  return best;
}

/** `size` may be less than the block's: the rest was had before. Throws for nodes and resources that are not there. */
export function assign(machine: Machine, block: Block, size: number): void {
  let left = size;
  for (const id of block.numaAffinity) {
    const node = machine[id];
    const table = node?.memoryMap[block.type];
    if (!node) throw new Error("the memory assignment uses the NUMA that does not exist");
    if (!table) throw new Error("the memory assignment uses memory resource that does not exist");
    node.numberOfAssignments++;
    node.cells = block.numaAffinity;
    const part = Math.min(left, Math.max(0, table.free));
    table.reserved += part;
    table.free -= part;
    left -= part;
  }
}

export function unassign(machine: Machine, block: Block): void {
  let left = block.size;
  for (const id of block.numaAffinity) {
    const node = nodeAt(machine, id);
    node.numberOfAssignments--;
    if (node.numberOfAssignments === 0) node.cells = [id];
    const table = node.memoryMap[block.type];
    if (!table) continue;
    const part = Math.min(left, table.reserved);
    table.reserved -= part;
    table.free += part;
    left -= part;
  }
}
