/**
 * Promises memory of certain nodes of the machine to containers of Guaranteed pods (pkg/kubelet/cm/memorymanager; KEP-1769).
 * Under the policy `None` everybody uses the memory of all.
 */
import { join } from "node:path";
import { isPodLevelResourcesSet } from "../../api/core/pod-resources.ts";
import { quantityToNumber } from "../../api/quantity.ts";
import type { Container, Pod } from "../../api/types/core-v1.gen.ts";
import type { Logger } from "../../base/logger.ts";
import type { NumaNode } from "../../linux/topology.ts";
import { Checkpoint } from "../checkpoint/file.ts";
import { isSidecar, qosClass } from "../pod.ts";
import type { AffinityOf, HintProvider, Hints } from "../topology-manager/hints.ts";
import { type Mask, maskOf, nodesOf } from "../topology-manager/mask.ts";
import { type Amounts, assign, bestHint, freshMachine, memoryHints, type Reserved, satisfies, unassign, violates } from "./machine.ts";
import { type Block, type MemoryState, readMemoryState, writeMemoryState } from "./state.ts";

/** As in a KubeletConfiguration. */
export interface MemoryReservation {
  numaNode: number;
  limits: Record<string, string>;
}

export interface MemoryManagerOptions {
  rootDir: string;
  policy: "None" | "Static";
  nodes: readonly NumaNode[];
  reservations: readonly MemoryReservation[];
  /** Bytes that are not for pods: the reservations must come to just that. */
  notForPods: number;
  logger: Logger;
  affinity: AffinityOf;
  active(podUid: string): boolean;
}

export class MemoryManager implements HintProvider {
  readonly #options: MemoryManagerOptions;
  readonly #checkpoint: Checkpoint;
  readonly #reserved: Reserved;
  #state: MemoryState;
  /** What init containers of the pod that is being admitted leave behind: by nodes and resource. */
  #reusable: { pod: string; memory: Map<string, number> } = { pod: "", memory: new Map() };

  /** Throws, in upstream's words, for reservations that do not go with the machine. */
  constructor(options: MemoryManagerOptions) {
    this.#options = options;
    this.#checkpoint = new Checkpoint(join(options.rootDir, "memory_manager_state"));
    this.#state = { policyName: options.policy, machineState: {}, entries: {} };
    this.#reserved = options.policy === "Static" ? reservedByNode(options) : new Map();
  }
  /** Rejects, in upstream's words, when what was promised before does not go with the machine. */
  async start(): Promise<void> {
    const { policy, nodes } = this.#options;
    try {
      const text = await this.#checkpoint.read();
      if (text !== undefined) this.#state = readMemoryState(text, policy);
    } catch (error) {
      throw new Error(
        `could not restore state from checkpoint: ${(error as Error).message}, please drain this node and delete the memory manager checkpoint file ${JSON.stringify(this.#checkpoint.path)} before restarting Kubelet`,
      );
    }
    if (policy === "Static") this.#validate(nodes);
    await this.#save();
  }
  #validate(nodes: readonly NumaNode[]): void {
    const expected = freshMachine(nodes, this.#reserved);
    if (!Object.keys(this.#state.machineState).length) {
      if (Object.keys(this.#state.entries).length) throw new Error("[memorymanager] machine state can not be empty when it has memory assignments");
      this.#state.machineState = expected;
      return;
    }
    for (const [pod, containers] of Object.entries(this.#state.entries))
      for (const [container, blocks] of Object.entries(containers))
        for (const block of blocks)
          try {
            assign(expected, block, block.size);
          } catch (error) {
            throw new Error(`[memorymanager] (pod: ${pod}, container: ${container}) ${(error as Error).message}`);
          }
    // How what is promised lies on the nodes of a group depends on the order; how much there is does not.
    const shape = (machine: MemoryState["machineState"]): string =>
      JSON.stringify(
        Object.entries(machine).map(([id, { numberOfAssignments, cells, memoryMap }]) => [
          id,
          numberOfAssignments,
          [...cells].sort((a, b) => a - b),
          Object.entries(memoryMap)
            .map(([name, { total, systemReserved, allocatable }]) => [name, total, systemReserved, allocatable].join())
            .sort(),
        ]),
      );
    if (shape(expected) !== shape(this.#state.machineState)) throw new Error("[memorymanager] the expected machine state is different from the real one");
  }
  async #save(): Promise<void> {
    await this.#checkpoint.save(() => writeMemoryState(this.#state));
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#checkpoint[Symbol.asyncDispose]();
  }
  blocks(podUid: string, container: string): readonly Block[] {
    return this.#state.entries[podUid]?.[container] ?? [];
  }
  /** The nodes whose memory the container uses; empty: all. */
  nodesOf(podUid: string, container: string): number[] {
    return [...new Set(this.blocks(podUid, container).flatMap((block) => block.numaAffinity))].sort((a, b) => a - b);
  }
  allocatable(): Block[] {
    return Object.entries(this.#state.machineState).flatMap(([id, { memoryMap }]) =>
      Object.entries(memoryMap).flatMap(([type, { allocatable }]) => (allocatable ? [{ numaAffinity: [Number(id)], type, size: allocatable }] : [])),
    );
  }
  #takes(pod: Pod): boolean {
    return this.#options.policy === "Static" && (pod.status?.qosClass ?? qosClass(pod)) === "Guaranteed" && !isPodLevelResourcesSet(pod.spec);
  }
  #reuse(podUid: string): (mask: Mask, name: string) => number {
    return (mask, name) => (this.#reusable.pod === podUid ? (this.#reusable.memory.get(`${mask}/${name}`) ?? 0) : 0);
  }
  hints(pod: Pod, container: Container): Hints {
    this.#collect();
    if (!this.#takes(pod)) return new Map();
    const { uid } = pod.metadata;
    const blocks = this.#state.entries[uid]?.[container.name];
    return blocks ? again(blocks, amounts(container)) : this.#hints(amounts(container), uid);
  }
  podHints(pod: Pod): Hints {
    this.#collect();
    if (!this.#takes(pod)) return new Map();
    const { uid } = pod.metadata;
    const wanted = podAmounts(pod);
    const known = Object.values(this.#state.entries[uid] ?? {})[0];
    return known ? again(known, wanted) : this.#hints(wanted, uid);
  }
  #hints(wanted: Amounts, podUid: string): Hints {
    const hints = memoryHints(this.#state.machineState, wanted, this.#reuse(podUid));
    return new Map(hints.length ? [...wanted.keys()].map((name) => [name, hints]) : []);
  }
  async allocate(pod: Pod, container: Container): Promise<void> {
    this.#collect();
    if (!this.#takes(pod)) return;
    const { uid } = pod.metadata;
    const known = this.#state.entries[uid]?.[container.name];
    if (known) return this.#leave(pod, container, known);
    const wanted = amounts(container);
    const mask = this.#place(uid, container.name, wanted);
    const blocks: Block[] = [];
    for (const [type, size] of wanted) {
      const block = { numaAffinity: nodesOf(mask), type, size };
      assign(this.#state.machineState, block, Math.max(0, size - this.#reuse(uid)(mask, type)));
      blocks.push(block);
    }
    this.#leave(pod, container, blocks);
    this.#state.entries[uid] = { ...this.#state.entries[uid], [container.name]: blocks };
    this.#shrink(pod, container, blocks);
    await this.#save();
  }
  #place(podUid: string, container: string, wanted: Amounts): Mask {
    const machine = this.#state.machineState;
    const asked = this.#options.affinity(podUid, container);
    const hints = memoryHints(machine, wanted, this.#reuse(podUid));
    let { affinity, preferred } = asked;
    if (affinity === undefined) {
      const best = bestHint(hints);
      if (!best) throw new Error("[memorymanager] failed to get the default NUMA affinity, no NUMA nodes with enough memory is available");
      if (!best.preferred && preferred) throw new Error("[memorymanager] failed to find the default preferred hint");
      affinity = best.affinity;
      preferred = best.preferred;
    }
    if (!satisfies(machine, affinity, wanted)) {
      const within = affinity;
      const best = bestHint(hints.filter((hint) => hint.affinity !== undefined && (hint.affinity & within) === within));
      if (!best) throw new Error("[memorymanager] failed to find NUMA nodes to extend the current topology hint");
      if (!best.preferred && preferred) throw new Error("[memorymanager] failed to find the extended preferred hint");
      affinity = best.affinity;
    }
    if (violates(machine, affinity)) throw new Error("[memorymanager] preferred hint violates NUMA node allocation");
    return affinity;
  }
  /** What init containers had is there for those that come after them. */
  #leave(pod: Pod, container: Container, blocks: readonly Block[]): void {
    const { uid } = pod.metadata;
    if (this.#reusable.pod !== uid) this.#reusable = { pod: uid, memory: new Map() };
    const { memory } = this.#reusable;
    const isInit = pod.spec.initContainers?.some((c) => c.name === container.name) && !isSidecar(container);
    for (const { numaAffinity, type, size } of blocks) {
      const key = `${maskOf(numaAffinity)}/${type}`;
      const left = memory.get(key) ?? 0;
      memory.set(key, isInit ? Math.max(left, size) : Math.max(0, left - size));
    }
  }
  /** What was used again is counted once: at who uses it now. */
  #shrink(pod: Pod, container: Container, blocks: readonly Block[]): void {
    const entries = this.#state.entries[pod.metadata.uid] ?? {};
    for (const { numaAffinity, type, size } of blocks) {
      let left = size;
      for (const init of pod.spec.initContainers ?? []) {
        if (init.name === container.name) break;
        if (isSidecar(init)) continue;
        for (const former of entries[init.name] ?? []) {
          if (former.type !== type || maskOf(former.numaAffinity) !== maskOf(numaAffinity)) continue;
          const part = Math.min(left, former.size);
          former.size -= part;
          left -= part;
        }
      }
    }
  }
  /** Takes back what pods have that are over. */
  #collect(): void {
    for (const uid of Object.keys(this.#state.entries)) if (!this.#options.active(uid)) this.#free(uid);
  }
  #free(uid: string): boolean {
    const { [uid]: containers, ...rest } = this.#state.entries;
    if (!containers) return false;
    this.#state.entries = rest;
    for (const block of Object.values(containers).flat()) unassign(this.#state.machineState, block);
    return true;
  }
  release(podUid: string): void {
    if (!this.#free(podUid)) return;
    // It is written again with the next change: whoever is not here any more has nothing.
    this.#save().catch((error: unknown) => this.#options.logger.error("the state of memory could not be kept", { error }));
  }
}

const isMemory = (name: string): boolean => name === "memory" || name.startsWith("hugepages-");
const amounts = (container: Container): Amounts =>
  new Map(
    Object.entries((container.resources?.requests ?? {}) as Record<string, string>)
      .filter(([name]) => isMemory(name))
      .map(([name, quantity]) => [name, quantityToNumber(quantity)]),
  );

function podAmounts(pod: Pod): Amounts {
  const add = (into: Map<string, number>, more: Amounts): void => {
    for (const [name, size] of more) into.set(name, (into.get(name) ?? 0) + size);
  };
  const sidecars = new Map<string, number>();
  const init = new Map<string, number>();
  for (const container of pod.spec.initContainers ?? []) {
    if (isSidecar(container)) add(sidecars, amounts(container));
    else for (const [name, size] of amounts(container)) init.set(name, Math.max(init.get(name) ?? 0, (sidecars.get(name) ?? 0) + size));
  }
  const running = new Map<string, number>();
  for (const container of pod.spec.containers) add(running, amounts(container));
  return new Map([...running].map(([name, size]) => [name, Math.max(size + (sidecars.get(name) ?? 0), init.get(name) ?? 0)]));
}

/** Of what was promised before; no hints where it is not what is asked for. */
function again(blocks: readonly Block[], wanted: Amounts): Hints {
  if (blocks.length !== wanted.size || blocks.some(({ type, size }) => wanted.get(type) !== size)) return new Map();
  return new Map(blocks.map(({ type, numaAffinity }) => [type, [{ affinity: maskOf(numaAffinity), preferred: true }]]));
}

/** Throws when the reservations name nodes that are not there or do not come to what is not for pods. */
function reservedByNode({ nodes, reservations, notForPods }: MemoryManagerOptions): Reserved {
  const reserved = new Map(nodes.map((node): [number, Map<string, number>] => [node.id, new Map()]));
  const totals = new Map<string, number>([["memory", 0]]);
  for (const { numaNode, limits } of reservations) {
    const node = reserved.get(numaNode);
    if (!node) throw new Error(`the reserved memory configuration references a NUMA node ${numaNode} that does not exist on this machine`);
    for (const [name, quantity] of Object.entries(limits)) {
      node.set(name, quantityToNumber(quantity));
      totals.set(name, (totals.get(name) ?? 0) + quantityToNumber(quantity));
    }
  }
  for (const [name, total] of totals) {
    const wanted = name === "memory" ? notForPods : 0;
    if (total !== wanted)
      throw new Error(
        `the total amount "${total}" of type ${JSON.stringify(name)} is not equal to the value "${wanted}" determined by Node Allocatable feature`,
      );
  }
  if (!totals.get("memory")) throw new Error("[memorymanager] you should specify the system reserved memory");
  return reserved;
}
