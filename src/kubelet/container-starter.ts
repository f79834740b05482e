/** Makes and starts one container in a sandbox that stands (upstream's kuberuntime_container.go startContainer). */
import { mkdir, readdir, readFile, symlink } from "node:fs/promises";
import type { Container, Pod } from "../api/types/core-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Random } from "../base/random.ts";
import { CriError, type Sent } from "../cri/client.ts";
import type { PodSandboxConfig } from "../cri/types.gen.ts";
import type { KubeletConfig } from "./config.ts";
import { containerConfig } from "./container-config.ts";
import { containerMounts } from "./container-mounts.ts";
import { hostsFile, podHostname } from "./dns.ts";
import { containerEnv, type References, type RuntimeFacts } from "./env.ts";
import { runHook } from "./hooks.ts";
import { type LocalImage, StartError } from "./images.ts";
import type { Killer } from "./kill.ts";
import type { ResourceManager } from "./lifecycle.ts";
import { isHostNetwork } from "./pod.ts";
import type { PodEvents } from "./pod-events.ts";
import type { ResourceLimits } from "./resources.ts";
import type { PodResize } from "./resize/pod-resize.ts";
import type { Runtime } from "./runtime.ts";
import { type ContainerRecord, findContainer, type RuntimePod } from "./runtime-pod.ts";
import { podLogDirectory } from "./sandbox-config.ts";
import { blockDevices } from "./volumes/block-devices.ts";
import type { StartTurns } from "./start-turns.ts";
import type { MountedVolumes } from "./volumes/plugin.ts";

export interface ContainerStarterOptions {
  config: KubeletConfig;
  runtime: Runtime;
  killer: Killer;
  events: PodEvents;
  clock: Clock;
  random: Random;
  logger: Logger;
  limits: ResourceLimits;
  /** Of the calls that make sandboxes and containers. */
  turns: StartTurns;
  /** Each may add to what a container gets. */
  managers: readonly ResourceManager[];
  runtimeHandler(pod: Pod): Promise<string>;
  /** Variables of the services that the pod hears of. */
  services(pod: Pod): ReadonlyMap<string, string>;
}

export interface StartInput {
  pod: Pod;
  state: RuntimePod;
  volumes: MountedVolumes;
  references: References;
  facts: RuntimeFacts;
  podDirectory: string;
  /** Aborts what may be left unfinished: pulls and hooks. */
  signal: AbortSignal;
  resize: PodResize;
}

export class ContainerStarter {
  readonly #options: ContainerStarterOptions;
  constructor(options: ContainerStarterOptions) {
    this.#options = options;
  }
  async #restartCount(pod: Pod, state: RuntimePod, container: Container): Promise<number> {
    const before = findContainer(state, container.name);
    if (before) return before.restartCount + 1;
    // A runtime that has lost its records would begin at 0 again and write into the old log.
    try {
      const files = await readdir(`${podLogDirectory(this.#options.config.podLogsDir, pod)}/${container.name}`);
      const counts = files.map((file) => Number(/^(\d+)\.log/.exec(file)?.[1] ?? Number.NaN)).filter(Number.isInteger);
      return counts.length ? Math.max(...counts) + 1 : 0;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
      throw error;
    }
  }
  /**
   * The container runs and its postStart hook has succeeded, or it was stopped again. Rejects with StartError, and as
   * `input.signal` does.
   */
  async start(input: StartInput, container: Container, sandboxId: string, sandbox: Sent<PodSandboxConfig>, image: LocalImage): Promise<ContainerRecord> {
    const { pod, facts } = input;
    const { runtime, events, config, limits, random } = this.#options;
    const request = await asStartError("CreateContainerConfigError", async () => {
      const restartCount = await this.#restartCount(pod, input.state, container);
      const env = await containerEnv(pod, container, this.#options.services(pod), facts, input.references, input.volumes);
      const keepsHosts = isHostNetwork(pod) || facts.podIPs.length > 0;
      const hosts = keepsHosts
        ? hostsFile(pod, facts.podIPs, podHostname(pod, config.clusterDomain), isHostNetwork(pod) ? await readFile("/etc/hosts", "utf8") : "")
        : undefined;
      const startName = Buffer.from(random.bytes(4)).toString("hex");
      const { podDirectory, volumes } = input;
      const supportsRecursiveReadOnly = async (): Promise<boolean> => (await runtime.features(await this.#options.runtimeHandler(pod))).recursiveReadOnlyMounts;
      const mounts = await containerMounts({ pod, container, podDirectory, volumes, env, hosts, startName, supportsRecursiveReadOnly });
      await mkdir(`${sandbox.logDirectory}/${container.name}`, { recursive: true, mode: 0o755 });
      const target = pod.spec.ephemeralContainers?.find((c) => c.name === container.name)?.targetContainerName;
      const targetId = target ? findContainer(input.state, target)?.id : undefined;
      if (target && !targetId) throw new Error(`unable to find target container ${JSON.stringify(target)}`);
      const security = { seccompDir: config.seccompDir, seccompDefault: config.seccompDefault, ...(targetId ? { targetId } : {}) };
      const given = await Promise.all(this.#options.managers.map((manager) => manager.additions(pod, container)));
      const additions = [...given, blockDevices(container, input.volumes)];
      return containerConfig(pod, container, { restartCount, imageRef: image.id, imageUser: image.user, env, mounts, security, limits, additions });
    });
    const containerId = await this.#options.turns.take("container", input.signal, async () => {
      const { containerId } = await asStartError("CreateContainerError", () =>
        runtime.cri.call("CreateContainer", { podSandboxId: sandboxId, config: request, sandboxConfig: sandbox }),
      );
      events.container(pod, container, "Normal", "Created", "Container created");
      input.resize.made(pod, container.name);
      for (const manager of this.#options.managers) manager.created?.(pod, container, containerId);
      await asStartError("RunContainerError", () => runtime.cri.call("StartContainer", { containerId }));
      return containerId;
    });
    events.container(pod, container, "Normal", "Started", "Container started");
    await this.#linkLog(pod, container, containerId, `${sandbox.logDirectory}/${request.logPath}`);
    const hook = container.lifecycle?.postStart;
    if (hook) await this.#postStart(input, container, containerId, hook);
    return runtime.container(containerId, sandboxId);
  }
  async #linkLog(pod: Pod, container: Container, id: string, target: string): Promise<void> {
    const { config, logger } = this.#options;
    const prefix = `${pod.metadata.name}_${pod.metadata.namespace}_${container.name}`;
    try {
      await symlink(target, `${config.containerLogsDir}/${prefix.slice(0, 251 - id.length)}-${id}.log`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") logger.warn("could not link a container's log", { error });
    }
  }
  async #postStart(input: StartInput, container: Container, id: string, hook: NonNullable<NonNullable<Container["lifecycle"]>["postStart"]>): Promise<void> {
    const { pod, facts, signal } = input;
    const { runtime, clock, events, killer } = this.#options;
    try {
      await runHook({ cri: runtime.cri, clock, podIP: facts.podIPs[0] ?? "", signal }, pod, container, id, hook);
    } catch (error) {
      signal.throwIfAborted();
      events.container(pod, container, "Warning", "FailedPostStartHook", "PostStartHook failed");
      await killer.container(pod, await runtime.container(id, ""), "FailedPostStartHook", "FailedPostStartHook", { podIP: facts.podIPs[0], signal });
      throw new StartError("PostStartHookError", (error as Error).message);
    }
  }
}

async function asStartError<T>(reason: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new StartError(reason, error instanceof CriError ? error.details : (error as Error).message);
  }
}
