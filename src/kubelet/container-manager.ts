/**
 * What of the node is given away in shares: devices of plugins, and where on the machine they lie (upstream's
 * pkg/kubelet/cm). One place that the rest of the kubelet asks and tells.
 */
import { join } from "node:path";
import type { Container, Node, Pod, ResourceStatus } from "../api/types/core-v1.gen.ts";
import type { ResourceClaim } from "../api/types/resource-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { CriClient } from "../cri/client.ts";
import type { KubeletConfig } from "./config.ts";
import { DeviceManager, type NodeDevices } from "./devices/manager.ts";
import { DraManager } from "./dra/manager.ts";
import type { AdmitContext, ContainerAdditions, Refusal, ResourceManager } from "./lifecycle.ts";
import type { PluginHandler, PluginType } from "./plugin-manager/handler.ts";
import { labels } from "./runtime-pod.ts";
import { TopologyManager } from "./topology-manager/manager.ts";

export interface ContainerManagerOptions {
  config: KubeletConfig;
  cri: CriClient;
  clock: Clock;
  logger: Logger;
  /** The pod is here and not over. */
  active(podUid: string): boolean;
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
  readonly #options: ContainerManagerOptions;
  #dra: DraManager | undefined;

  constructor(options: ContainerManagerOptions) {
    const { config, clock, logger } = options;
    this.#options = options;
    this.#cri = options.cri;
    this.#topology = new TopologyManager(undefined, "container");
    this.#devices = new DeviceManager({
      directory: join(config.rootDir, "device-plugins"),
      clock,
      logger,
      numaNodes: [0],
      affinity: (pod, container) => this.#topology.affinity(pod, container),
      active: options.active,
      ranBefore: (pod, container) => this.#ranBefore.has(`${pod}/${container}`),
      onCapacity: options.onCapacity,
      onHealth: options.onPod,
    });
    this.#topology.add(this.#devices);
  }
  /** Before the first pod is admitted. Rejects, in plain words, when what was given away before cannot be known. */
  async start(): Promise<void> {
    const { containers } = await this.#cri.call("ListContainers", { filter: { state: { state: "CONTAINER_RUNNING" } } });
    this.#ranBefore = new Set(containers.map((c) => `${c.labels[labels.podUid]}/${c.labels[labels.containerName]}`));
    await this.#devices.start();
    const { config, clock, logger, claim, removeSlices, active, onPod } = this.#options;
    this.#dra = await DraManager.create({ rootDir: config.rootDir, clock, logger, claim, removeSlices, active, onHealth: onPod });
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
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dra?.[Symbol.asyncDispose]();
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
    return { ...ofPlugins, cdiDevices: [...ofClaims, ...(ofPlugins.cdiDevices ?? [])] };
  }
  release(pod: Pod): void {
    this.#devices.release(pod.metadata.uid);
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
