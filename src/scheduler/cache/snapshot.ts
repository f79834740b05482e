/**
 * Nodes and what runs on them, in columns: one row a node, numbers in typed arrays. Rows keep their place while their node
 * exists. Nobody writes to it during a scheduling cycle; between cycles only rows that changed are rewritten.
 */
import { parseQuantity } from "../../api/quantity.ts";
import type { Node } from "../../api/types/core-v1.gen.ts";
import type { HostPort, PodInfo } from "../framework/pod-info.ts";
import { same } from "../framework/same.ts";
import { StaticVerdicts } from "../framework/static-verdicts.ts";
import { Topology, type TopologyColumn } from "./topology.ts";

export interface ScalarColumn {
  allocatable: Float64Array;
  requested: Float64Array;
}

/** What of a node is not a number. */
export interface NodeRow {
  readonly name: string;
  /** Its row in the cluster's snapshot, also where it stands alone in one of its own. */
  readonly index: number;
  /** Absent where pods name a node that is not known (any more). */
  node: Node | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** By uid. */
  readonly pods: Map<string, PodInfo>;
  readonly ports: Map<string, HostPort>;
  /** Bytes by normalized image name. */
  readonly images: ReadonlyMap<string, number>;
}

type Column =
  | "cpu"
  | "memory"
  | "ephemeralStorage"
  | "allowedPods"
  | "usedCpu"
  | "usedMemory"
  | "usedEphemeralStorage"
  | "nonZeroCpu"
  | "nonZeroMemory"
  | "podCount";
const columns: readonly Column[] = [
  "cpu",
  "memory",
  "ephemeralStorage",
  "allowedPods",
  "usedCpu",
  "usedMemory",
  "usedEphemeralStorage",
  "nonZeroCpu",
  "nonZeroMemory",
  "podCount",
];

const portKey = (uid: string, { ip, protocol, port }: HostPort): string => `${uid}/${protocol}/${ip}/${port}`;
const named = new Set(["cpu", "memory", "ephemeral-storage", "pods"]);

export class Snapshot {
  rows: NodeRow[] = [];
  /** Rows of nodes that exist or that pods name. */
  readonly byName = new Map<string, number>();
  /** Rows of existing nodes, zones taking turns. */
  order: Int32Array = new Int32Array(0);
  cpu = new Float64Array(0);
  memory = new Float64Array(0);
  ephemeralStorage = new Float64Array(0);
  allowedPods = new Float64Array(0);
  usedCpu = new Float64Array(0);
  usedMemory = new Float64Array(0);
  usedEphemeralStorage = new Float64Array(0);
  nonZeroCpu = new Float64Array(0);
  nonZeroMemory = new Float64Array(0);
  podCount = new Float64Array(0);
  /** Grows with each change of a node that filters may care about. */
  nodeVersions = new Int32Array(0);
  /** Grows with each change of a node and of its pods. */
  rowVersions = new Int32Array(0);
  /** How many taints a node has that only ask pods to stay away; mostly none. */
  softTaints = new Uint8Array(0);
  /** Grows when a name gets a row or loses it. */
  namesVersion = 0;
  readonly staticVerdicts = new StaticVerdicts();
  readonly scalars = new Map<string, ScalarColumn>();
  #capacity = 0;
  #version = 0;
  readonly #topology = new Topology();
  #single: Snapshot | undefined;

  /** Grows with each change of any node that filters may care about. */
  get nodesVersion(): number {
    return this.#version;
  }
  /** Nodes that exist. */
  get size(): number {
    return this.order.length;
  }

  grow(rows: number): void {
    if (rows <= this.#capacity) return;
    const capacity = Math.max(rows, this.#capacity * 2, 8);
    for (const column of columns) this[column] = enlarge(this[column], capacity);
    for (const scalar of this.scalars.values()) {
      scalar.allocatable = enlarge(scalar.allocatable, capacity);
      scalar.requested = enlarge(scalar.requested, capacity);
    }
    for (const column of ["nodeVersions", "rowVersions"] as const) {
      const versions = new Int32Array(capacity);
      versions.set(this[column]);
      this[column] = versions;
    }
    const softTaints = new Uint8Array(capacity);
    softTaints.set(this.softTaints);
    this.softTaints = softTaints;
    this.#capacity = capacity;
    this.#topology.grow(capacity);
  }

  /** By the label of this name; only of the cluster's own snapshot, for rows by their `index`. */
  topology(key: string): TopologyColumn {
    return this.#topology.column(key, this.rows);
  }

  /** Replaces what is known of a node; `undefined` when it is gone. */
  setNode(row: number, node: Node | undefined, images: ReadonlyMap<string, number>): void {
    const old = this.rows[row] as NodeRow;
    const labels = node?.metadata.labels ?? {};
    this.rows[row] = { ...old, node, labels, images };
    this.rowVersions[row]!++;
    this.softTaints[row] = node?.spec?.taints?.filter(({ effect }) => effect === "PreferNoSchedule").length ?? 0;
    if (!same(old.node?.spec, node?.spec) || !same(old.labels, labels) || old.node?.metadata.uid !== node?.metadata.uid) {
      this.nodeVersions[row] = ++this.#version;
      this.#topology.set(row, node && labels);
    }
  }

  scalar(name: string): ScalarColumn {
    let column = this.scalars.get(name);
    if (!column) {
      column = { allocatable: new Float64Array(this.#capacity), requested: new Float64Array(this.#capacity) };
      this.scalars.set(name, column);
    }
    return column;
  }

  /** Writes what the node offers; all zero where there is none. */
  setAllocatable(row: number, node: Node | undefined): void {
    const list = node?.status?.allocatable ?? {};
    const value = (name: string): number => (list[name] === undefined ? 0 : Number(parseQuantity(list[name]).value()));
    this.rowVersions[row]!++;
    this.cpu[row] = list.cpu === undefined ? 0 : Number(parseQuantity(list.cpu).milliValue());
    this.memory[row] = value("memory");
    this.ephemeralStorage[row] = value("ephemeral-storage");
    this.allowedPods[row] = value("pods");
    for (const scalar of this.scalars.values()) scalar.allocatable[row] = 0;
    for (const name in list) if (!named.has(name)) this.scalar(name).allocatable[row] = value(name);
  }

  addPod(row: number, info: PodInfo): void {
    this.#account(row, info, 1);
    const { pods, ports } = this.rows[row] as NodeRow;
    pods.set(info.uid, info);
    for (const port of info.hostPorts) ports.set(portKey(info.uid, port), port);
  }

  removePod(row: number, info: PodInfo): void {
    this.#account(row, info, -1);
    const { pods, ports } = this.rows[row] as NodeRow;
    pods.delete(info.uid);
    for (const port of info.hostPorts) ports.delete(portKey(info.uid, port));
  }

  #account(row: number, { requests }: PodInfo, sign: 1 | -1): void {
    this.usedCpu[row]! += sign * requests.cpu;
    this.usedMemory[row]! += sign * requests.memory;
    this.usedEphemeralStorage[row]! += sign * requests.ephemeralStorage;
    this.nonZeroCpu[row]! += sign * requests.nonZeroCpu;
    this.nonZeroMemory[row]! += sign * requests.nonZeroMemory;
    this.podCount[row]! += sign;
    for (const [name, amount] of requests.scalars) this.scalar(name).requested[row]! += sign * amount;
  }

  clearUsage(row: number): void {
    this.usedCpu[row] = this.usedMemory[row] = this.usedEphemeralStorage[row] = 0;
    this.nonZeroCpu[row] = this.nonZeroMemory[row] = this.podCount[row] = 0;
    for (const scalar of this.scalars.values()) scalar.requested[row] = 0;
  }

  /**
   * One node by itself, to ask what would be if pods came or went: writing to it changes nothing else. Valid until the next
   * call: there is one copy, for many nodes are asked about and arrays are dear.
   */
  alone(row: number): Snapshot {
    this.#single ??= new Snapshot();
    const copy = this.#single;
    copy.grow(1);
    const source = this.rows[row] as NodeRow;
    copy.rows = [{ ...source, pods: new Map(source.pods), ports: new Map(source.ports) }];
    if (copy.size === 0) copy.order = new Int32Array(1);
    for (const column of columns) copy[column][0] = this[column][row] as number;
    for (const { allocatable, requested } of copy.scalars.values()) allocatable[0] = requested[0] = 0;
    for (const [name, { allocatable, requested }] of this.scalars) {
      const scalar = copy.scalar(name);
      scalar.allocatable[0] = allocatable[row] as number;
      scalar.requested[0] = requested[row] as number;
    }
    return copy;
  }
}

function enlarge(old: Float64Array, capacity: number): Float64Array<ArrayBuffer> {
  const bigger = new Float64Array(capacity);
  bigger.set(old);
  return bigger;
}
