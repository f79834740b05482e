/** Removes what pods leave behind: sandboxes with their containers, logs, volumes, cgroups. */
import { readdir, readlink, rm } from "node:fs/promises";
import type { Pod } from "../api/types/core-v1.gen.ts";
import type { Logger } from "../base/logger.ts";
import { CriError } from "../cri/client.ts";
import type { Cgroups } from "../linux/cgroups.ts";
import type { KubeletConfig } from "./config.ts";
import type { Runtime } from "./runtime.ts";
import type { RuntimePod } from "./runtime-pod.ts";
import type { Volumes } from "./volumes/volumes.ts";

export interface CleanupOptions {
  config: KubeletConfig;
  runtime: Runtime;
  cgroups: Cgroups;
  volumes: Volumes;
  logger: Logger;
}

export class Cleanup {
  readonly #options: CleanupOptions;
  constructor(options: CleanupOptions) {
    this.#options = options;
  }
  /** A pod that is gone from the API and has nothing running. */
  async removePod(pod: Pod, state: RuntimePod): Promise<void> {
    const { namespace, name, uid } = pod.metadata;
    await this.#removeSandboxes(state.sandboxes.map((s) => s.id));
    await this.#removeLogs(`${namespace}_${name}_${uid}`);
  }
  /** A pod that the runtime has and nobody else. */
  async removeUnknown(pod: { uid: string; namespace: string; name: string }): Promise<void> {
    const { runtime, volumes, cgroups, config, logger } = this.#options;
    logger.info("removing an unknown pod", { pod: `${pod.namespace}/${pod.name}`, uid: pod.uid });
    const state = await runtime.readPod(pod.uid, pod.namespace, pod.name);
    for (const container of state.containers)
      if (container.state === "running") await runtime.cri.call("StopContainer", { containerId: container.id, timeout: 2 });
    for (const sandbox of state.sandboxes) await runtime.cri.call("StopPodSandbox", { podSandboxId: sandbox.id });
    await this.#removeSandboxes(state.sandboxes.map((s) => s.id));
    await this.#removeLogs(`${pod.namespace}_${pod.name}_${pod.uid}`);
    await volumes.remove(pod.uid);
    const root = config.cgroupRoot === "/" ? "" : config.cgroupRoot;
    for (const qos of ["", "/burstable", "/besteffort"]) cgroups.remove(`${root}/kubepods${qos}/pod${pod.uid}`);
  }
  /** Directories, logs and cgroups of pods that are neither known nor in the runtime. */
  async removeOrphans(known: ReadonlySet<string>): Promise<void> {
    const { volumes, cgroups, config } = this.#options;
    for (const uid of await volumes.podsOnDisk()) if (!known.has(uid)) await volumes.remove(uid);
    for (const directory of await readdir(config.podLogsDir)) {
      const uid = /^[^_]+_[^_]+_([^_]+)$/.exec(directory)?.[1];
      if (uid && !known.has(uid)) await this.#removeLogs(directory);
    }
    const root = config.cgroupRoot === "/" ? "" : config.cgroupRoot;
    for (const qos of ["", "/burstable", "/besteffort"])
      for (const child of cgroups.children(`${root}/kubepods${qos}`))
        if (child.startsWith("pod") && !known.has(child.slice(3))) cgroups.remove(`${root}/kubepods${qos}/${child}`);
  }
  async #removeSandboxes(ids: string[]): Promise<void> {
    for (const podSandboxId of ids) {
      try {
        await this.#options.runtime.cri.call("RemovePodSandbox", { podSandboxId });
      } catch (error) {
        if (!(error instanceof CriError && error.notFound)) throw error;
      }
    }
  }
  async #removeLogs(directory: string): Promise<void> {
    const { podLogsDir, containerLogsDir } = this.#options.config;
    const path = `${podLogsDir}/${directory}`;
    for (const link of await readdir(containerLogsDir)) {
      const target = await readlink(`${containerLogsDir}/${link}`).catch(() => "");
      if (target.startsWith(`${path}/`)) await rm(`${containerLogsDir}/${link}`, { force: true });
    }
    await rm(path, { recursive: true, force: true });
  }
}
