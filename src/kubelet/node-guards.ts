/** What keeps the node itself well: the limits of all its pods together, eviction, and an orderly shutdown. */
import type { Pod } from "../api/types/core-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { CriClient } from "../cri/client.ts";
import type { Cgroups } from "../linux/cgroups.ts";
import { Logind } from "../linux/logind.ts";
import type { MachineFacts } from "../linux/machine.ts";
import type { KubeletConfig } from "./config.ts";
import type { Eviction } from "./eviction/eviction.ts";
import { kubeletEviction } from "./eviction/kubelet-eviction.ts";
import type { Refusal } from "./lifecycle.ts";
import { cgroupOfPods } from "./node-status.ts";
import type { PodEvents } from "./pod-events.ts";
import type { PodWorker } from "./pod-worker.ts";
import { QosCgroups } from "./qos-cgroups.ts";
import { shutdownPeriods } from "./shutdown/plan.ts";
import { NodeShutdown } from "./shutdown/shutdown.ts";

export interface NodeGuardsOptions {
  config: KubeletConfig;
  cri: CriClient;
  clock: Clock;
  logger: Logger;
  events: PodEvents;
  signal: AbortSignal;
  cgroups: Cgroups;
  machine: MachineFacts;
  workers: ReadonlyMap<string, PodWorker>;
  /** Where a pod's files are. */
  directory(uid: string): string;
  /** Makes room on the disks without touching a pod. */
  reclaim(): Promise<void>;
  /** The node's conditions are others than before. */
  onChange(): void;
}

export class NodeGuards {
  readonly #options: NodeGuardsOptions;
  readonly qos: QosCgroups;
  readonly eviction: Eviction;
  readonly shutdown: NodeShutdown;

  constructor(options: NodeGuardsOptions) {
    this.#options = options;
    const { config, cgroups, clock, machine, workers } = options;
    const active = (): PodWorker[] => [...workers.values()].filter((w) => w.active);
    const forPods = cgroupOfPods(config, machine);
    this.qos = new QosCgroups({ cgroups, root: config.cgroupRoot, forPods, pods: () => active().map((w) => w.pod) });
    this.eviction = kubeletEviction({ ...options, pods: () => active().filter((w) => w.runtimePod.containers.length > 0) });
    this.shutdown = new NodeShutdown({ ...options, periods: shutdownPeriods(config), inhibitor: new Logind({ clock }), pods: active });
  }
  /** Sets the limits, and sees how the node is: the first report of it says so. To be called before any pod is taken. */
  async look(): Promise<void> {
    const { config, logger, events } = this.#options;
    try {
      this.qos.start();
      events.node("Normal", "NodeAllocatableEnforced", "Updated Node Allocatable limit across pods");
    } catch (error) {
      // Pods use more than they shall have together, for instance: they are not ended for that.
      const message = `Failed to update Node Allocatable Limits ${JSON.stringify(config.cgroupRoot)}: ${(error as Error).message}`;
      logger.warn(message);
      events.node("Warning", "FailedNodeAllocatableEnforcement", message);
    }
    await this.eviction.look();
  }
  /** Goes on in the background until the signal. */
  start(): void {
    this.eviction.start();
    this.shutdown.start();
  }
  /** Why the node takes no such pod now, whatever room there is. */
  refusal(pod: Pod): Refusal | undefined {
    return this.eviction.admit(pod) ?? this.shutdown.admit();
  }
}
