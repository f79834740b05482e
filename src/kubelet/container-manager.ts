/**
 * What of the node is given away in shares: devices of plugins, and where on the machine they lie (upstream's
 * pkg/kubelet/cm). One place that the rest of the kubelet asks and tells.
 */
import { join } from "node:path";
import type { Container, Node, Pod, ResourceStatus } from "../api/types/core-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { CriClient } from "../cri/client.ts";
import type { KubeletConfig } from "./config.ts";
import { DeviceManager, type NodeDevices } from "./devices/manager.ts";
import type { AdmitContext, ContainerAdditions, Refusal, ResourceManager } from "./lifecycle.ts";
import type { PluginHandler, PluginType } from "./plugin-manager/handler.ts";
import { PluginManager } from "./plugin-manager/manager.ts";
import { labels } from "./runtime-pod.ts";
import { TopologyManager } from "./topology-manager/manager.ts";

export interface ContainerManagerOptions {
  config: KubeletConfig;
  cri: CriClient;
  clock: Clock;
  logger: Logger;
  /** The pod is here and not over. */
  active(podUid: string): boolean;
  /** The node's capacity has changed. */
  onCapacity(): void;
  /** Something that the pod's status says has changed. */
  onPod(podUid: string): void;
  /** Of plugins that others take care of. */
  plugins: Partial<Record<PluginType, PluginHandler>>;
}

export class ContainerManager implements ResourceManager {
  readonly #cri: CriClient;
  /** `uid/name` of containers that ran when the kubelet started: they have what they need. */
  #ranBefore: ReadonlySet<string> = new Set();
  readonly #topology: TopologyManager;
  readonly #devices: DeviceManager;
  readonly #plugins: PluginManager;

  constructor(options: ContainerManagerOptions) {
    const { config, clock, logger } = options;
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
    this.#plugins = new PluginManager({
      directory: join(config.rootDir, "plugins_registry"),
      clock,
      logger,
      handlers: { ...options.plugins, DevicePlugin: this.#devices.handler },
    });
  }
  /** Before the first pod is admitted. Rejects, in plain words, when what was given away before cannot be known. */
  async start(): Promise<void> {
    const { containers } = await this.#cri.call("ListContainers", { filter: { state: { state: "CONTAINER_RUNNING" } } });
    this.#ranBefore = new Set(containers.map((c) => `${c.labels[labels.podUid]}/${c.labels[labels.containerName]}`));
    await this.#devices.start();
    await this.#plugins.start();
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#plugins[Symbol.asyncDispose]();
    await this.#devices[Symbol.asyncDispose]();
  }
  admit(pod: Pod, _: AdmitContext): Promise<Refusal | undefined> {
    return this.#topology.admit(pod);
  }
  additions(pod: Pod, container: Container): Promise<ContainerAdditions> {
    return this.#devices.additions(pod, container);
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
  resourceStatuses(podUid: string, container: string): ResourceStatus[] {
    return this.#devices.health(podUid, container);
  }
}
