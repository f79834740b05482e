/** The figures of a kubelet, together: what its node and pods use, its probes, itself. */
import type { Clock } from "../../base/clock.ts";
import type { Client } from "../../client/client.ts";
import { persistentvolumeclaims } from "../../client/resources.gen.ts";
import type { CriClient } from "../../cri/client.ts";
import { openCgroupUsage } from "../../linux/cgroup-usage.ts";
import type { MachineFacts } from "../../linux/machine.ts";
import type { KubeletConfig } from "../config.ts";
import type { PodWorker } from "../pod-worker.ts";
import { KubeletMetrics } from "./kubelet-metrics.ts";
import { observedCri } from "./observed-cri.ts";
import { ProbeMetrics } from "./probe-metrics.ts";
import { StatsSource } from "./source.ts";

export interface KubeletStatsOptions {
  config: KubeletConfig;
  client: Client;
  /** Not observed yet. */
  cri: CriClient;
  clock: Clock;
  machine: MachineFacts;
  workers: ReadonlyMap<string, PodWorker>;
  podDirectory(uid: string): string;
}

export class KubeletStats {
  readonly source: StatsSource;
  readonly probes: ProbeMetrics;
  readonly self: KubeletMetrics;
  /** The runtime's client, whose calls are counted. */
  readonly cri: CriClient;

  constructor({ config, client, cri, clock, machine, workers, podDirectory }: KubeletStatsOptions) {
    this.self = new KubeletMetrics(config.nodeName, clock, () => workers.values());
    this.probes = new ProbeMetrics(clock.now());
    this.cri = observedCri(cri, this.self.metrics, clock);
    this.source = new StatsSource({
      config,
      usage: openCgroupUsage(),
      cri: this.cri,
      clock,
      machine,
      pods: () => [...workers.values()].filter((worker) => worker.state !== "finished"),
      podDirectory,
      claimVolume: async (namespace, claim) => (await client.resource(persistentvolumeclaims).get(namespace, claim)).spec.volumeName,
    });
  }
}
