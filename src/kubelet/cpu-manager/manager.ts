/**
 * Gives whole processors to containers of Guaranteed pods that ask for whole ones, and keeps everybody else off them
 * (pkg/kubelet/cm/cpumanager; KEP-3570). Under the policy `none` everybody shares everything.
 */
import { join } from "node:path";
import type { Container, Pod } from "../../api/types/core-v1.gen.ts";
import { isPodLevelResourcesSet } from "../../api/core/pod-resources.ts";
import { quantityToMilli } from "../../api/quantity.ts";
import type { Logger } from "../../base/logger.ts";
import { formatCpuList } from "../../linux/cpu-list.ts";
import type { Topology } from "../../linux/topology.ts";
import { Checkpoint } from "../checkpoint/file.ts";
import { isSidecar, qosClass } from "../pod.ts";
import { AdmissionError, type AffinityOf, type HintProvider, type Hints, type TopologyHint } from "../topology-manager/hints.ts";
import { count, has, type Mask, nodesOf, subsets } from "../topology-manager/mask.ts";
import { cpusPerCore } from "./accumulator.ts";
import { type CpuOptions, cpuOptions } from "./options.ts";
import { type CpuState, readCpuState, writeCpuState } from "./state.ts";
import { type CpuSet, takeCpus } from "./take.ts";

export interface CpuManagerOptions {
  rootDir: string;
  policy: "none" | "static";
  policyOptions: Readonly<Record<string, string>>;
  topology: Topology;
  logger: Logger;
  /** Thousandths of a processor that are kept for the system and the kubelet. */
  reservedMilli: number;
  /** Which those are, where somebody has said it. */
  reserved?: CpuSet;
  affinity: AffinityOf;
  active(podUid: string): boolean;
  /** What containers share, or have, is not what it was. */
  onChange(): void;
}

const noCpus: CpuSet = new Set();

export class CpuManager implements HintProvider {
  readonly #options: CpuManagerOptions;
  readonly #policy: CpuOptions;
  readonly #all: CpuSet;
  readonly #reserved: CpuSet;
  /** With everything that shares a core with a reserved one. */
  readonly #reservedCores: CpuSet;
  readonly #checkpoint: Checkpoint;
  #state: CpuState;
  #reusable: { pod: string; cpus: CpuSet } = { pod: "", cpus: noCpus };

  /** Throws, in upstream's words, for a policy that this machine cannot have. */
  constructor(options: CpuManagerOptions) {
    const { topology, policy, policyOptions, reservedMilli } = options;
    this.#options = options;
    this.#checkpoint = new Checkpoint(join(options.rootDir, "cpu_manager_state"));
    this.#all = new Set(topology.cpus.keys());
    this.#state = { policy, shared: noCpus, given: new Map() };
    if (policy === "none") {
      const unsupported = Object.entries(policyOptions).map(([name, value]) => `${name}:${value}`);
      if (unsupported.length) throw new Error(`new none policy error: None policy: received unsupported options=map[${unsupported.sort().join(" ")}]`);
      this.#policy = cpuOptions({});
      this.#reserved = noCpus;
      this.#reservedCores = noCpus;
      return;
    }
    if (reservedMilli <= 0) throw new Error("[cpumanager] the static policy requires systemreserved.cpu + kubereserved.cpu to be greater than zero");
    this.#policy = cpuOptions(policyOptions);
    const wanted = Math.ceil(reservedMilli / 1000);
    this.#reserved = options.reserved?.size ? options.reserved : wanted > this.#all.size ? noCpus : takeCpus(topology.cpus, this.#all, wanted, this.#policy);
    if (this.#reserved.size !== wanted) {
      const list = formatCpuList(this.#reserved);
      throw new Error(`new static policy error: [cpumanager] unable to reserve the required amount of CPUs (size of ${list} did not equal ${wanted})`);
    }
    const cores = new Set([...this.#reserved].map((cpu) => topology.cpus.get(cpu)?.core));
    this.#reservedCores = new Set([...topology.cpus].filter(([, p]) => cores.has(p.core)).map(([cpu]) => cpu));
  }
  /** Rejects, in upstream's words, when what was given before does not go with what is wanted now. */
  async start(): Promise<void> {
    try {
      const text = await this.#checkpoint.read();
      if (text !== undefined) this.#state = readCpuState(text, this.#options.policy);
    } catch (error) {
      throw new Error(
        `could not restore state from checkpoint: ${(error as Error).message}, please drain this node and delete the CPU manager checkpoint file ${JSON.stringify(this.#checkpoint.path)} before restarting Kubelet`,
      );
    }
    if (this.#options.policy === "static") this.#validate();
    await this.#save();
  }
  #validate(): void {
    const { shared, given } = this.#state;
    const all = this.#policy.strictReservation ? this.#all.difference(this.#reserved) : this.#all;
    if (!shared.size) {
      if (given.size) throw new Error("default cpuset cannot be empty");
      this.#state.shared = all;
      return;
    }
    const list = (cpus: CpuSet): string => JSON.stringify(formatCpuList(cpus));
    const both = this.#reserved.intersection(shared);
    if (this.#policy.strictReservation && both.size)
      throw new Error(`some of strictly reserved cpus: ${list(both)} are present in defaultCpuSet: ${list(shared)}`);
    if (!this.#policy.strictReservation && both.size !== this.#reserved.size)
      throw new Error(`not all reserved cpus: ${list(this.#reserved)} are present in defaultCpuSet: ${list(shared)}`);
    let known = shared;
    for (const [pod, containers] of given)
      for (const [container, cpus] of containers) {
        if (!cpus.isDisjointFrom(shared))
          throw new Error(`pod: ${pod}, container: ${container} cpuset: ${list(cpus)} overlaps with default cpuset ${list(shared)}`);
        known = known.union(cpus);
      }
    if (known.symmetricDifference(all).size) throw new Error(`current set of available CPUs ${list(all)} doesn't match with CPUs in state ${list(known)}`);
  }
  async #save(): Promise<void> {
    await this.#checkpoint.save(() => writeCpuState(this.#state));
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#checkpoint[Symbol.asyncDispose]();
  }
  /** What the container has alone; empty: it shares. */
  exclusive(podUid: string, container: string): CpuSet {
    return this.#state.given.get(podUid)?.get(container) ?? noCpus;
  }
  podHasExclusive(podUid: string): boolean {
    return this.#state.given.has(podUid);
  }
  /** Where the container may run; empty: everywhere. */
  cpusOf(podUid: string, container: string): CpuSet {
    const own = this.exclusive(podUid, container);
    return own.size ? own : this.#state.shared;
  }
  /** What can be given away at all. */
  get allocatable(): CpuSet {
    return this.#options.policy === "none" ? noCpus : this.#all.difference(this.#reserved);
  }
  get #available(): CpuSet {
    return this.#state.shared.difference(this.#reserved);
  }
  /** How many the container gets alone; 0: it shares. */
  #wanted(pod: Pod, container: Container): number {
    if (this.#options.policy === "none" || (pod.status?.qosClass ?? qosClass(pod)) !== "Guaranteed" || isPodLevelResourcesSet(pod.spec)) return 0;
    const milli = quantityToMilli(container.resources?.requests?.cpu ?? 0);
    return milli % 1000 ? 0 : milli / 1000;
  }
  #wantedByPod(pod: Pod): number {
    let sidecars = 0;
    let init = 0;
    for (const container of pod.spec.initContainers ?? []) {
      const wanted = this.#wanted(pod, container);
      if (isSidecar(container)) sidecars += wanted;
      else init = Math.max(init, sidecars + wanted);
    }
    return Math.max(init, sidecars + pod.spec.containers.reduce((sum, c) => sum + this.#wanted(pod, c), 0));
  }
  #reusableOf(podUid: string): CpuSet {
    return this.#reusable.pod === podUid ? this.#reusable.cpus : noCpus;
  }
  hints(pod: Pod, container: Container): Hints {
    this.#collect();
    const wanted = this.#wanted(pod, container);
    if (!wanted) return new Map();
    const own = this.exclusive(pod.metadata.uid, container.name);
    if (own.size) return new Map([["cpu", own.size === wanted ? this.#hints(own, noCpus, wanted) : []]]);
    return new Map([["cpu", this.#hints(this.#available, this.#reusableOf(pod.metadata.uid), wanted)]]);
  }
  podHints(pod: Pod): Hints {
    this.#collect();
    const { uid } = pod.metadata;
    const wanted = this.#wantedByPod(pod);
    if (!wanted) return new Map();
    let assigned = noCpus;
    for (const container of [...(pod.spec.initContainers ?? []), ...pod.spec.containers]) {
      const own = this.exclusive(uid, container.name);
      if (own.size && own.size !== this.#wanted(pod, container)) return new Map([["cpu", []]]);
      assigned = assigned.union(own);
    }
    if (assigned.size === wanted) return new Map([["cpu", this.#hints(assigned, noCpus, wanted)]]);
    return new Map([["cpu", this.#hints(this.#available, this.#reusableOf(uid).union(assigned), wanted)]]);
  }
  #hints(available: CpuSet, reusable: CpuSet, wanted: number): TopologyHint[] {
    const { cpus } = this.#options.topology;
    const nodes = [...new Set([...cpus.values()].map((p) => p.node))].sort((a, b) => a - b);
    const within = (mask: Mask, cpu: number): boolean => has(mask, cpus.get(cpu)?.node ?? -1);
    let fewest = nodes.length;
    const fitting: Mask[] = [];
    for (const mask of subsets(nodes)) {
      if ([...cpus.keys()].filter((cpu) => within(mask, cpu)).length >= wanted) fewest = Math.min(fewest, count(mask));
      if ([...reusable].some((cpu) => !within(mask, cpu))) continue;
      if (reusable.size + [...available].filter((cpu) => within(mask, cpu)).length >= wanted) fitting.push(mask);
    }
    return fitting.map((affinity) => ({ affinity, preferred: count(affinity) === fewest }));
  }
  async allocate(pod: Pod, container: Container): Promise<void> {
    this.#collect();
    const { uid } = pod.metadata;
    const wanted = this.#wanted(pod, container);
    if (!wanted) return;
    this.#checkCores(wanted);
    const own = this.exclusive(uid, container.name);
    const cpus = own.size ? own : this.#take(wanted, this.#options.affinity(uid, container.name).affinity, this.#reusableOf(uid));
    const isInit = pod.spec.initContainers?.some((c) => c.name === container.name) && !isSidecar(container);
    const reusable = this.#reusableOf(uid);
    this.#reusable = { pod: uid, cpus: isInit ? reusable.union(cpus) : reusable.difference(cpus) };
    if (own.size) return;
    const containers = this.#state.given.get(uid) ?? new Map<string, CpuSet>();
    this.#state.given.set(uid, containers);
    containers.set(container.name, cpus);
    this.#state.shared = this.#state.shared.difference(cpus);
    await this.#save();
    this.#options.onChange();
  }
  #checkCores(wanted: number): void {
    if (!this.#policy.fullCoresOnly) return;
    const threads = cpusPerCore(this.#options.topology.cpus);
    const refuse = (message: string): AdmissionError => new AdmissionError("SMTAlignmentError", `SMT Alignment Error: ${message}`);
    if (wanted % threads) throw refuse(`requested ${wanted} cpus not multiple cpus per core = ${threads}`);
    const available = this.#state.shared.difference(this.#reservedCores).size;
    if (wanted > available)
      throw refuse(`not enough free physical CPUs: available physical CPUs = ${available}, requested CPUs = ${wanted}, CPUs per core = ${threads}`);
  }
  #take(wanted: number, affinity: Mask | undefined, reusable: CpuSet): CpuSet {
    const { cpus } = this.#options.topology;
    const free = this.#available.union(reusable);
    const nodes = affinity === undefined ? [] : nodesOf(affinity);
    const aligned = new Set([...free].filter((cpu) => nodes.includes(cpus.get(cpu)?.node ?? -1)));
    const near = takeCpus(cpus, aligned, Math.min(wanted, aligned.size), this.#policy);
    return near.union(takeCpus(cpus, free.difference(near), wanted - near.size, this.#policy));
  }
  /** Takes back what pods have that are over. */
  #collect(): void {
    for (const uid of [...this.#state.given.keys()]) if (!this.#options.active(uid)) this.#free(uid);
  }
  #free(uid: string): boolean {
    const containers = this.#state.given.get(uid);
    if (!containers) return false;
    this.#state.given.delete(uid);
    for (const cpus of containers.values()) this.#state.shared = this.#state.shared.union(cpus);
    return true;
  }
  release(podUid: string): void {
    if (!this.#free(podUid)) return;
    // It is written again with the next change: whoever is not here any more has nothing.
    this.#save().catch((error: unknown) => this.#options.logger.error("the state of processors could not be kept", { error }));
    this.#options.onChange();
  }
}
