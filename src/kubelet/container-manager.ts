/**
 * What of the node is given away in shares: processors, memory, devices of plugins and of claims, and where on the machine they lie
 * (upstream's pkg/kubelet/cm). One place that the rest of the kubelet asks and tells.
 */
import { join } from "node:path";
import type { Container, Node, Pod, ResourceStatus } from "../api/types/core-v1.gen.ts";
import type { ResourceClaim } from "../api/types/resource-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { CriClient } from "../cri/client.ts";
import { formatCpuList, parseCpuList } from "../linux/cpu-list.ts";
import { memoryInfo } from "../linux/machine.ts";
import { readTopology, type Topology } from "../linux/topology.ts";
import { quantityToMilli } from "../api/quantity.ts";
import type { GrpcServer } from "../base/grpc/server.ts";
import type { KubeletConfig } from "./config.ts";
import { CpuManager } from "./cpu-manager/manager.ts";
import { Cpusets } from "./cpu-manager/reconcile.ts";
import { DeviceManager, type NodeDevices } from "./devices/manager.ts";
import { DraManager } from "./dra/manager.ts";
import type { AdmitContext, ContainerAdditions, Refusal, ResourceManager } from "./lifecycle.ts";
import type { PluginHandler, PluginType } from "./plugin-manager/handler.ts";
import { MemoryManager } from "./memory-manager/manager.ts";
import type { Block } from "./memory-manager/state.ts";
import { memoryNotForPods } from "./node-status.ts";
import { devicesOf, type PodResourcesOptions, servePodResources } from "./pod-resources/server.ts";
import { labels } from "./runtime-pod.ts";
import { TopologyManager } from "./topology-manager/manager.ts";
import { topologyPolicy } from "./topology-manager/options.ts";

export interface ContainerManagerOptions {
  config: KubeletConfig;
  cri: CriClient;
  clock: Clock;
  logger: Logger;
  /** The pod is here and not over. */
  active(podUid: string): boolean;
  /** Those. */
  pods(): readonly Pod[];
  claim(namespace: string, name: string): Promise<ResourceClaim>;
  /** Removes the ResourceSlices of this node: of the driver, or all. */
  removeSlices(driver: string | undefined, signal: AbortSignal): Promise<void>;
  /** The node's capacity has changed. */
  onCapacity(): void;
  /** Something that the pod's status says has changed. */
  onPod(podUid: string): void;
}

export class ContainerManager implements ResourceManager {
  readonly #cri: CriClient;
  /** `uid/name` of containers that ran when the kubelet started: they have what they need. */
  #ranBefore: ReadonlySet<string> = new Set();
  readonly #topology: TopologyManager;
  readonly #devices: DeviceManager;
  readonly #cpus: CpuManager;
  readonly #cpusets: Cpusets;
  readonly #memory: MemoryManager;
  readonly #options: ContainerManagerOptions;
  #dra: DraManager | undefined;
  #podResources: GrpcServer | undefined;

  /** Throws, in upstream's words, for policies that this machine cannot have. */
  constructor(options: ContainerManagerOptions) {
    const { config, clock, logger, cri, active } = options;
    const machine = readTopology();
    this.#options = options;
    this.#cri = cri;
    this.#topology = new TopologyManager(
      topologyPolicy(config.topologyManagerPolicy, config.topologyManagerPolicyOptions, machine.nodes),
      config.topologyManagerScope,
    );
    this.#devices = new DeviceManager({
      directory: join(config.rootDir, "device-plugins"),
      clock,
      logger,
      numaNodes: machine.nodes.map((node) => node.id),
      affinity: (pod, container) => this.#topology.affinity(pod, container),
      active,
      ranBefore: (pod, container) => this.#ranBefore.has(`${pod}/${container}`),
      onCapacity: options.onCapacity,
      onHealth: options.onPod,
    });
    this.#cpus = new CpuManager({
      rootDir: config.rootDir,
      policy: config.cpuManagerPolicy,
      policyOptions: config.cpuManagerPolicyOptions,
      topology: machine,
      logger,
      reservedMilli: quantityToMilli(config.systemReserved.cpu ?? 0) + quantityToMilli(config.kubeReserved.cpu ?? 0),
      reserved: reservedCpus(config.reservedSystemCPUs, machine),
      affinity: (pod, container) => this.#topology.affinity(pod, container),
      active,
      onChange: () => this.#cpusets.kick(),
    });
    const cpusOf = (pod: string, container: string): ReadonlySet<number> => this.#cpus.cpusOf(pod, container);
    this.#cpusets = new Cpusets({ cri, clock, logger, period: config.cpuManagerReconcilePeriod, cpusOf, active });
    this.#memory = new MemoryManager({
      rootDir: config.rootDir,
      policy: config.memoryManagerPolicy,
      nodes: machine.nodes,
      reservations: config.reservedMemory,
      notForPods: memoryNotForPods(config, memoryInfo().MemTotal ?? 0),
      logger,
      affinity: (pod, container) => this.#topology.affinity(pod, container),
      active,
    });
    for (const provider of [this.#devices, this.#cpus, this.#memory]) this.#topology.add(provider);
  }
  /** Before the first pod is admitted. Rejects, in plain words, when what was given away before cannot be known. */
  async start(): Promise<void> {
    const { config, clock, logger, claim, removeSlices, active, onPod, pods } = this.#options;
    const [{ containers }, dra] = await Promise.all([
      this.#cri.call("ListContainers", { filter: { state: { state: "CONTAINER_RUNNING" } } }),
      DraManager.create({ rootDir: config.rootDir, clock, logger, claim, removeSlices, active, onHealth: onPod }),
      this.#cpus.start(),
      this.#memory.start(),
      this.#devices.start(),
    ]);
    this.#ranBefore = new Set(containers.map((c) => `${c.labels[labels.podUid]}/${c.labels[labels.containerName]}`));
    this.#dra = dra;
    this.#podResources = await servePodResources({
      socket: join(config.rootDir, "pod-resources", "kubelet.sock"),
      clock,
      pods,
      resourcesOf: (pod, container) => this.#given(pod, container),
      allocatable: () => ({
        devices: devicesOf(this.#devices.usable()),
        cpuIds: [...this.#cpus.allocatable].sort((a, b) => a - b),
        memory: this.#memory.allocatable().map(asMemory),
      }),
    });
  }
  #given(pod: Pod, container: Container): ReturnType<PodResourcesOptions["resourcesOf"]> {
    const { uid } = pod.metadata;
    return {
      devices: devicesOf(this.#devices.given(uid, container.name)),
      cpuIds: [...this.#cpus.exclusive(uid, container.name)].sort((a, b) => a - b),
      memory: this.#memory.blocks(uid, container.name).map(asMemory),
      dynamicResources: (this.#dra?.claimsOf(pod, container) ?? []).map((claim) => ({
        claimName: claim.name,
        claimNamespace: claim.namespace,
        claimResources: [...claim.drivers].flatMap(([driverName, devices]) =>
          devices.map((device) => ({
            driverName,
            poolName: device.PoolName,
            deviceName: device.DeviceName,
            cdiDevices: (device.CDIDeviceIDs ?? []).map((name) => ({ name })),
            ...(device.ShareID === null ? {} : { shareId: device.ShareID }),
          })),
        ),
      })),
    };
  }
  /** What takes care of plugins that register, from `start` on. */
  get plugins(): Pick<Record<PluginType, PluginHandler>, "DevicePlugin" | "DRAPlugin"> {
    const drivers = (): PluginHandler => {
      if (!this.#dra) throw new Error("the kubelet is not ready for DRA drivers");
      return this.#dra.drivers;
    };
    return {
      DevicePlugin: this.#devices.handler,
      DRAPlugin: {
        validate: (...plugin) => drivers().validate(...plugin),
        register: (...plugin) => drivers().register(...plugin),
        deregister: (...plugin) => drivers().deregister(...plugin),
      },
    };
  }
  /** The node is registered, and every pod of it is here. */
  podsKnown(): void {
    this.#dra?.start();
    if (this.#options.config.cpuManagerPolicy !== "none") this.#cpusets.start();
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#podResources?.[Symbol.asyncDispose]();
    await this.#dra?.[Symbol.asyncDispose]();
    await this.#cpusets[Symbol.asyncDispose]();
    await this.#cpus[Symbol.asyncDispose]();
    await this.#memory[Symbol.asyncDispose]();
    await this.#devices[Symbol.asyncDispose]();
  }
  admit(pod: Pod, _: AdmitContext): Promise<Refusal | undefined> {
    return this.#topology.admit(pod);
  }
  async prepare(pod: Pod): Promise<void> {
    await this.#dra?.prepare(pod);
  }
  async takeBack(pod: Pod): Promise<void> {
    await this.#dra?.unprepare(pod);
  }
  async additions(pod: Pod, container: Container): Promise<ContainerAdditions> {
    const ofClaims = (this.#dra?.cdiDevices(pod, container) ?? []).map((name) => ({ name }));
    const ofPlugins = await this.#devices.additions(pod, container);
    const { uid } = pod.metadata;
    const cpus = formatCpuList(this.#cpus.cpusOf(uid, container.name));
    const mems = this.#memory.nodesOf(uid, container.name).join(",");
    return {
      ...ofPlugins,
      cdiDevices: [...ofClaims, ...(ofPlugins.cdiDevices ?? [])],
      cpuset: { ...(cpus ? { cpus } : {}), ...(mems ? { mems } : {}) },
      exclusiveCpus: this.#cpus.exclusive(uid, container.name).size > 0,
    };
  }
  created(pod: Pod, container: Container, id: string): void {
    this.#cpusets.made(id, this.#cpus.cpusOf(pod.metadata.uid, container.name));
  }
  hasExclusiveCpus(podUid: string): boolean {
    return this.#cpus.podHasExclusive(podUid);
  }
  release(pod: Pod): void {
    this.#devices.release(pod.metadata.uid);
    this.#cpus.release(pod.metadata.uid);
    this.#memory.release(pod.metadata.uid);
    this.#topology.release(pod.metadata.uid);
  }
  /** `before`: the node's capacity as the API has it. */
  nodeDevices(before: Readonly<Record<string, unknown>>): NodeDevices {
    return this.#devices.node(before);
  }
  /** The node with at least as much as has been given away: who has something may stay when its plugin is not there. */
  withGiven(node: Node, pod: Pod): Node {
    const allocatable = this.#devices.atLeastAllocated(pod.metadata.uid, (node.status?.allocatable ?? {}) as Record<string, string>);
    return { ...node, status: { ...node.status, allocatable } };
  }
  /** Health of what the container was given. */
  resourceStatuses(pod: Pod, container: string): ResourceStatus[] {
    const spec = pod.spec.containers.find((c) => c.name === container);
    return [...this.#devices.health(pod.metadata.uid, container), ...((spec && this.#dra?.health(pod, spec)) ?? [])];
  }
}

const asMemory = ({ type, size, numaAffinity }: Block): { memoryType: string; size: number; topology: { nodes: { ID: number }[] } } => ({
  memoryType: type,
  size,
  topology: { nodes: numaAffinity.map((ID) => ({ ID })) },
});

/** Throws, in upstream's words, for processors that the machine does not have. */
function reservedCpus(list: string, { cpus }: Topology): ReadonlySet<number> {
  const reserved = parseCpuList(list);
  const online = new Set(cpus.keys());
  if (!reserved.isSubsetOf(online)) throw new Error(`reserved-cpus: ${list} is not a subset of online-cpus: ${formatCpuList(online)}`);
  return reserved;
}
