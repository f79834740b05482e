/** Keeps the Node object and the node's lease (upstream's kubelet_node_status.go, KEP-589). */
import { isAlreadyExists, isNotFound } from "../api/status.ts";
import type { ContainerImage, Node, NodeStatus } from "../api/types/core-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Client } from "../client/client.ts";
import { microTimestamp } from "../client/events.ts";
import { leases, nodes } from "../client/resources.gen.ts";
import { filesystemUsage, type MachineFacts } from "../linux/machine.ts";
import type { KubeletConfig } from "./config.ts";
import { timestamp } from "./container-statuses.ts";
import type { Pressure } from "./eviction/thresholds.ts";
import { extendedCapacity, type NodeFacts, newNode, nodeStatus } from "./node-status.ts";
import type { PodEvents } from "./pod-events.ts";
import type { Runtime } from "./runtime.ts";
import { sameJSON } from "./status-merge.ts";
import { table } from "../base/table.ts";

export interface NodeAgentOptions {
  config: KubeletConfig;
  client: Client;
  clock: Clock;
  logger: Logger;
  runtime: Runtime;
  runtimeVersion: string;
  machine: MachineFacts;
  events: PodEvents;
  /** What the node is short of. */
  pressures(): ReadonlySet<Pressure>;
  /** Why the machine's shutdown makes the node unready; undefined while there is none. */
  shutdown(): string | undefined;
  /** What device plugins list; `before`: the capacity of extended resources as the API has it. */
  devices(before: Record<string, string>): NodeFacts["devices"];
  /** Unique names of the volumes that are not to be detached from the node. */
  volumesInUse(): readonly string[];
  signal: AbortSignal;
}

const leaseNamespace = "kube-node-lease";
const runtimeCheckInterval = 5000;

const eventOf = table<[good: string, bad: string]>({
  MemoryPressure: ["NodeHasSufficientMemory", "NodeHasInsufficientMemory"],
  DiskPressure: ["NodeHasNoDiskPressure", "NodeHasDiskPressure"],
  PIDPressure: ["NodeHasSufficientPID", "NodeHasInsufficientPID"],
});

export class NodeAgent {
  readonly #options: NodeAgentOptions;
  #node: Node | undefined;
  #reported = 0;
  #networkProblem: string | undefined = "the runtime has not been asked yet";
  #runtimeProblem: string | undefined;
  #runtime: NodeFacts["runtime"] = { handlers: [] };
  #images: ContainerImage[] = [];

  constructor(options: NodeAgentOptions) {
    this.#options = options;
  }
  get node(): Node | undefined {
    return this.#node;
  }
  /** Why pods get no network; undefined when they do. */
  get networkProblem(): string | undefined {
    return this.#networkProblem;
  }
  /** Resolves when it is known what the runtime can do; goes on asking in the background. */
  async look(): Promise<void> {
    await this.#askRuntime();
    this.#every(runtimeCheckInterval, async () => {
      const before = `${this.#networkProblem} ${this.#runtimeProblem}`;
      await this.#askRuntime();
      if (this.#node && before !== `${this.#networkProblem} ${this.#runtimeProblem}`) await this.report();
    });
  }
  /** Resolves when the node is registered and has reported its status once; then goes on in the background. */
  async start(): Promise<void> {
    const { config, events } = this.#options;
    await this.#readImages();
    events.node("Normal", "Starting", "Starting kubelet.");
    if (config.registerNode) await this.#until(() => this.#register());
    await Promise.all([this.#until(() => this.report()), this.#until(() => this.#renewLease())]);
    this.#every(config.nodeStatusUpdateInterval, async () => {
      await this.#readImages();
      await this.report();
    });
    this.#every((config.nodeLeaseDurationSeconds * 1000) / 4, () => this.#renewLease());
  }
  /** The node is to be reported at once, not at the next interval. */
  refresh(): void {
    if (this.#node) this.report().catch((error) => this.#options.signal.aborted || this.#options.logger.warn("could not report the node", { error }));
  }
  /** Repeats what fails, with a growing delay. */
  async #until(work: () => Promise<void>): Promise<void> {
    for (let delay = 100; ; delay = Math.min(delay * 2, 7000)) {
      try {
        return await work();
      } catch (error) {
        this.#options.signal.throwIfAborted();
        this.#options.logger.warn("the API server does not take the node yet", { error });
        await this.#options.clock.sleep(delay, this.#options.signal);
      }
    }
  }
  #every(ms: number, work: () => Promise<void>): void {
    const { clock, signal, logger } = this.#options;
    const next = (): void => {
      clock.after(ms, () => {
        if (signal.aborted) return;
        work()
          .catch((error) => signal.aborted || logger.warn("could not keep the node current", { error }))
          .finally(next);
      });
    };
    next();
  }
  async #askRuntime(): Promise<void> {
    try {
      const { status, features, runtimeHandlers } = await this.#options.runtime.cri.call("Status", {}, { timeout: 10_000 });
      this.#runtime = { handlers: runtimeHandlers, ...(features ? { features } : {}) };
      const of = (type: string): string | undefined => {
        const found = status?.conditions.find((c) => c.type === type);
        return found?.status ? undefined : `${type}=false reason:${found?.reason ?? ""} message:${found?.message ?? ""}`;
      };
      const network = of("NetworkReady");
      const runtime = of("RuntimeReady");
      this.#networkProblem = network && `container runtime network not ready: ${network}`;
      this.#runtimeProblem = runtime && `container runtime not ready: ${runtime}`;
    } catch (error) {
      this.#runtimeProblem = `container runtime is down: ${(error as Error).message}`;
    }
  }
  async #readImages(): Promise<void> {
    const most = this.#options.config.nodeStatusMaxImages;
    try {
      const { images } = await this.#options.runtime.cri.call("ListImages", {}, { timeout: 30_000 });
      this.#images = images
        .map(({ repoTags, repoDigests, size }) => ({ names: [...repoDigests, ...repoTags].slice(0, 5), sizeBytes: size }))
        .sort((a, b) => b.sizeBytes - a.sizeBytes)
        .slice(0, most < 0 ? undefined : most);
    } catch (error) {
      this.#options.logger.warn("could not list images", { error });
    }
  }
  async #register(): Promise<void> {
    const { config, client, machine, logger, events } = this.#options;
    const api = client.resource(nodes);
    const wanted = newNode(config, machine);
    const status = this.#status(undefined);
    try {
      this.#node = await api.create("", { ...wanted, status } as Parameters<typeof api.create>[1]);
      logger.info("registered the node", { node: config.nodeName });
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      const existing = await api.get("", config.nodeName);
      const labels = Object.fromEntries(Object.entries(wanted.metadata.labels).filter(([key, value]) => existing.metadata.labels?.[key] !== value));
      const annotations = Object.fromEntries(Object.entries(wanted.metadata.annotations).filter(([key]) => existing.metadata.annotations?.[key] === undefined));
      const differs = Object.keys(labels).length + Object.keys(annotations).length > 0;
      this.#node = differs ? await api.patch("", config.nodeName, "strategic", { metadata: { labels, annotations } }) : existing;
    }
    events.nodeIs(this.#node);
  }
  #status(old: NodeStatus | undefined): NodeStatus {
    const { config, machine, clock, runtimeVersion } = this.#options;
    const problems = [this.#runtimeProblem, this.#networkProblem, this.#options.shutdown()].filter((p) => p !== undefined);
    const facts = {
      machine,
      filesystem: filesystemUsage(config.rootDir),
      runtimeVersion,
      runtime: this.#runtime,
      images: this.#images,
      pressures: this.#options.pressures(),
      devices: this.#options.devices(extendedCapacity(old)),
      volumesInUse: this.#options.volumesInUse(),
      problems,
    };
    return nodeStatus(config, facts, old, timestamp(clock.now()));
  }
  /** Writes what has changed; the heartbeats alone only every few minutes. */
  async report(): Promise<void> {
    const { client, config, clock, events } = this.#options;
    const api = client.resource(nodes);
    const node = await api.get("", config.nodeName, { resourceVersion: "0" }).catch(async (error: unknown) => {
      if (!isNotFound(error) || !config.registerNode) throw error;
      await this.#register();
      return this.#node as Node;
    });
    events.nodeIs(node);
    const status = this.#status(node.status);
    const old = node.status as unknown as Record<string, unknown>;
    const bare = (conditions: NodeStatus["conditions"]): unknown => conditions?.map(({ lastHeartbeatTime: _, ...rest }) => rest);
    const ours = (node.status.conditions ?? []).filter((c) => status.conditions?.some((s) => s.type === c.type));
    const changed = Object.entries(status).filter(([key, value]) => key !== "conditions" && !sameJSON(value, old[key]));
    const conditionsChanged = !sameJSON(bare(status.conditions), bare(ours));
    if (!changed.length && !conditionsChanged && clock.monotonic() - this.#reported < config.nodeStatusReportInterval) {
      this.#node = node;
      return;
    }
    const patch: Record<string, unknown> = { ...Object.fromEntries(changed), conditions: status.conditions };
    if (patch.addresses) patch.addresses = [...status.addresses!, { $patch: "replace" }];
    this.#node = await api.patch("", config.nodeName, "strategic", { status: patch }, { subresource: "status" });
    this.#reported = clock.monotonic();
    this.#tellOfChanges(node.status.conditions ?? [], status.conditions ?? []);
  }
  #tellOfChanges(old: NonNullable<NodeStatus["conditions"]>, fresh: NonNullable<NodeStatus["conditions"]>): void {
    const { events, config } = this.#options;
    for (const { type, status } of fresh) {
      if (old.find((c) => c.type === type)?.status === status && this.#told) continue;
      const reason = type === "Ready" ? (status === "True" ? "NodeReady" : "NodeNotReady") : eventOf[type]?.[status === "False" ? 0 : 1];
      if (reason) events.node("Normal", reason, `Node ${config.nodeName} status is now: ${reason}`);
    }
    this.#told = true;
  }
  #told = false;
  async #renewLease(): Promise<void> {
    const { client, config, clock } = this.#options;
    const api = client.resource(leases);
    const renewTime = microTimestamp(clock.now());
    const uid = this.#node?.metadata.uid;
    try {
      await api.patch(leaseNamespace, config.nodeName, "merge", {
        spec: { holderIdentity: config.nodeName, leaseDurationSeconds: config.nodeLeaseDurationSeconds, renewTime },
      });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      const ownerReferences = uid ? [{ apiVersion: "v1", kind: "Node", name: config.nodeName, uid }] : [];
      const spec = { holderIdentity: config.nodeName, leaseDurationSeconds: config.nodeLeaseDurationSeconds, renewTime };
      await api.create(leaseNamespace, { metadata: { name: config.nodeName, ownerReferences }, spec });
    }
  }
}
