/** memory_manager_state: which memory containers were promised (pkg/kubelet/cm/memorymanager/state). */
import { CorruptCheckpoint, checksumOf } from "../checkpoint/file.ts";
import { byNumber, list, map, struct } from "../checkpoint/go-print.ts";

/** Bytes. */
export interface MemoryTable {
  total: number;
  systemReserved: number;
  allocatable: number;
  reserved: number;
  free: number;
}
export interface NodeState {
  numberOfAssignments: number;
  /** By resource. */
  memoryMap: Record<string, MemoryTable>;
  /** The nodes that give memory together with this one, itself among them. */
  cells: number[];
}
export interface Block {
  numaAffinity: number[];
  /** A resource: memory, hugepages-2Mi. */
  type: string;
  size: number;
}
export interface MemoryState {
  policyName: string;
  machineState: Record<string, NodeState>;
  /** By pod and container. */
  entries: Record<string, Record<string, Block[]>>;
}

const table = (t: MemoryTable): string =>
  `<*>${struct({
    TotalMemSize: ["uint64", t.total],
    SystemReserved: ["uint64", t.systemReserved],
    Allocatable: ["uint64", t.allocatable],
    Reserved: ["uint64", t.reserved],
    Free: ["uint64", t.free],
  })}`;
const node = (n: NodeState): string =>
  `<*>${struct({
    NumberOfAssignments: ["int", n.numberOfAssignments],
    MemoryMap: ["map[v1.ResourceName]*state.MemoryTable", map(n.memoryMap, table)],
    Cells: ["[]int", list(n.cells)],
  })}`;
const block = (b: Block): string => struct({ NUMAAffinity: ["[]int", list(b.numaAffinity)], Type: ["v1.ResourceName", b.type], Size: ["uint64", b.size] });

/** Under both names that upstream has had for the type. */
const checksum = ({ policyName, machineState, entries }: MemoryState, type = "MemoryManagerCheckpoint"): number =>
  checksumOf(
    `(*state.${type})${struct({
      PolicyName: ["string", policyName],
      MachineState: ["state.NUMANodeMap", map(machineState, node, byNumber)],
      Entries: ["state.ContainerMemoryAssignments", map(entries, (containers) => map(containers, (blocks) => list(blocks, block)))],
      Checksum: ["checksum.Checksum", 0],
    })}`,
  );

export function writeMemoryState(state: MemoryState): string {
  const { policyName, machineState, entries } = state;
  return JSON.stringify({ policyName, machineState, ...(Object.keys(entries).length ? { entries } : {}), checksum: checksum(state) });
}

/** Throws, in upstream's words, for what is not whole or was written under another policy than `policy`. */
export function readMemoryState(text: string, policy: string): MemoryState {
  const file = JSON.parse(text) as (Partial<MemoryState> & { checksum?: number }) | null;
  const state: MemoryState = { policyName: file?.policyName ?? "", machineState: file?.machineState ?? {}, entries: file?.entries ?? {} };
  const sums = (): number[] => [undefined, "MemoryManagerCheckpointV1"].map((type) => checksum(state, type));
  let valid: boolean;
  try {
    valid = !file?.checksum || sums().includes(file.checksum);
  } catch {
    throw new CorruptCheckpoint();
  }
  if (!valid) throw new CorruptCheckpoint();
  if (state.policyName !== policy)
    throw new Error(`[memorymanager] configured policy ${JSON.stringify(policy)} differs from state checkpoint policy ${JSON.stringify(state.policyName)}`);
  return state;
}
