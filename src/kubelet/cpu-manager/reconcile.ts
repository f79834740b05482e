/** Keeps running containers on the processors that are theirs (pkg/kubelet/cm/cpumanager reconcileState). */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { CriClient } from "../../cri/client.ts";
import { formatCpuList } from "../../linux/cpu-list.ts";
import { labels } from "../runtime-pod.ts";
import type { CpuSet } from "./take.ts";

export interface CpusetsOptions {
  cri: CriClient;
  clock: Clock;
  logger: Logger;
  /** Milliseconds between looks. */
  period: number;
  cpusOf(podUid: string, container: string): CpuSet;
  active(podUid: string): boolean;
}

export class Cpusets {
  readonly #options: CpusetsOptions;
  readonly #stop = new AbortController();
  /** By container, what it was last told. */
  #told = new Map<string, string>();
  #wake = Promise.withResolvers<void>();

  constructor(options: CpusetsOptions) {
    this.#options = options;
  }
  start(): void {
    void this.#loop();
  }
  /** Something has changed: the next look is now. */
  kick(): void {
    this.#wake.resolve();
  }
  /** The container was made with these. */
  made(id: string, cpus: CpuSet): void {
    this.#told.set(id, formatCpuList(cpus));
  }
  async #loop(): Promise<void> {
    const { clock, period, logger } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      this.#wake = Promise.withResolvers<void>();
      await this.#look().catch((error: unknown) => signal.aborted || logger.warn("could not look at the processors of containers", { error }));
      const pause = new AbortController();
      const slept = clock.sleep(period, AbortSignal.any([signal, pause.signal])).catch(() => {});
      await Promise.race([slept, this.#wake.promise]);
      pause.abort();
    }
  }
  async #look(): Promise<void> {
    const { cri, cpusOf, active, logger } = this.#options;
    const { signal } = this.#stop;
    const { containers } = await cri.call("ListContainers", { filter: { state: { state: "CONTAINER_RUNNING" } } }, { signal });
    const told = new Map<string, string>();
    for (const container of containers) {
      const pod = container.labels[labels.podUid] ?? "";
      const before = this.#told.get(container.id);
      if (before !== undefined) told.set(container.id, before);
      if (!active(pod)) continue;
      const cpus = formatCpuList(cpusOf(pod, container.labels[labels.containerName] ?? ""));
      if (cpus === "" || cpus === before) continue;
      try {
        await cri.call("UpdateContainerResources", { containerId: container.id, linux: { cpusetCpus: cpus } }, { signal });
        told.set(container.id, cpus);
      } catch (error) {
        if (!signal.aborted) logger.warn("a container could not be moved to other processors", { container: container.id, cpus, error });
      }
    }
    this.#told = told;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
  }
}
