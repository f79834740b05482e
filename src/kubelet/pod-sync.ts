/** Carries out the actions that computePodActions decides on (upstream's kuberuntime_manager.go SyncPod). */
import { mkdir, readFile } from "node:fs/promises";
import type { Container, Pod, Secret } from "../api/types/core-v1.gen.ts";
import { CriError, type Sent } from "../cri/client.ts";
import type { Cgroups } from "../linux/cgroups.ts";
import type { PodSandboxConfig } from "../cri/types.gen.ts";
import { computePodActions, type PodActions, type ProbeResults } from "./actions.ts";
import { Backoff, formatSeconds } from "./backoff.ts";
import { ContainerStarter, type ContainerStarterOptions, type StartInput } from "./container-starter.ts";
import type { StartFailure } from "./container-statuses.ts";
import { parseResolvConf, podDns, podHostname } from "./dns.ts";
import { type ImageVolumes, imageReferences } from "./image-volumes.ts";
import { type Images, type LocalImage, StartError } from "./images.ts";
import { formatPod, isHostNetwork, isSidecar } from "./pod.ts";
import { podCgroupPath } from "./resources.ts";
import type { Allocation } from "./resize/allocation.ts";
import { applyResize } from "./resize/apply.ts";
import { resizes } from "./resize/plan.ts";
import type { ContainerRecord, SandboxRecord } from "./runtime-pod.ts";
import { podLogDirectory, sandboxConfig } from "./sandbox-config.ts";
import type { MountedVolumes } from "./volumes/plugin.ts";

export interface PodSyncOptions extends ContainerStarterOptions {
  images: Images;
  imageVolumes: ImageVolumes;
  cgroups: Cgroups;
  /** What the runtime calls the pod's runtime class; empty for its default. */
  runtimeHandler(pod: Pod): Promise<string>;
}

export interface PodSyncInput extends StartInput {
  probes: ProbeResults;
  pullSecrets: Secret[];
  /** The sandbox stands, with these addresses; containers follow. */
  onSandbox(sandbox: SandboxRecord): void;
}

export interface PodSyncResult {
  /** Something was changed: the runtime has to be read again. */
  changed: boolean;
  /** Why containers could not be started; those that could, or were not tried, are absent. */
  failures: Map<string, StartFailure>;
  started: Set<string>;
  /** What runs now that did not before, latest first. Complete when nothing else was changed. */
  records: ContainerRecord[];
  /** Something was stopped or failed half-way: only the runtime knows how things are. */
  unsure: boolean;
  /** Resources of what runs were changed, or could not be. */
  resized: boolean;
  /** Milliseconds until something that had to wait may be tried again. */
  retryAfter?: number;
}

const imageReasons: ReadonlySet<string> = new Set([
  "ErrImagePull",
  "ImagePullBackOff",
  "ErrImageNeverPull",
  "InvalidImageName",
  "ImageInspectError",
  "RegistryUnavailable",
  "SignatureValidationFailed",
]);
/** After these the next attempt finds a back-off, which is then what the container waits for. */
const backedOff: ReadonlySet<string> = new Set(["ErrImagePull", "RegistryUnavailable", "SignatureValidationFailed", "RunContainerError", "PostStartHookError"]);
/** Milliseconds. */
const backoffDelay = 1000;
/** Milliseconds after which a resize that failed is tried again. */
const resizeDelay = 10_000;
/** Milliseconds after which what is missing may have appeared. */
const configDelay = 10_000;

/** Containers would run as the host's users: no runtime is asked to do otherwise. */
const noUserNamespaces = (handler: string): string =>
  `${handler ? `RuntimeClass handler ${JSON.stringify(handler)}` : "runtime"} does not support user namespaces`;

export class PodSync {
  readonly #options: PodSyncOptions;
  readonly #backoff: Backoff;
  readonly #starter: ContainerStarter;
  constructor(options: PodSyncOptions) {
    this.#options = options;
    this.#starter = new ContainerStarter(options);
    const last = options.config.maxContainerRestartPeriod;
    this.#backoff = new Backoff(options.clock, Math.min(10_000, last), last);
  }
  forget(uid: string): void {
    this.#backoff.forget(`${uid}/`);
    this.#options.images.forget(uid);
    this.#options.imageVolumes.forget(uid);
  }
  /** Rejects when the sandbox could not be made or something could not be stopped; the message is fit for the log. */
  async run(input: PodSyncInput): Promise<PodSyncResult> {
    const { pod, state } = input;
    const { killer, events } = this.#options;
    const actions = computePodActions(pod, state, input.probes, input.resize.actuated);
    const result: PodSyncResult = { changed: false, failures: new Map(), started: new Set(), records: [], unsure: false, resized: false };
    if (actions.toReset.length) {
      await this.#reset(input, actions.toReset);
      return { ...result, changed: true, unsure: true };
    }
    if (actions.createSandbox && actions.sandboxId) events.pod(pod, "Normal", "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.");
    if (actions.killPod) {
      const live = state.containers.some((c) => c.state === "running") || state.sandboxes.some((s) => s.ready);
      if (live) {
        await killer.pod(pod, state, { signal: input.signal });
        result.changed = true;
        result.unsure = true;
      }
      if (!actions.createSandbox) return result;
    } else
      for (const kill of actions.toKill) {
        await killer.container(pod, kill.record, kill.message, kill.reason, { podIP: input.facts.podIPs[0], signal: input.signal });
        result.changed = true;
        result.unsure = true;
      }
    if (resizes(actions.resize)) await this.#resize(input, actions, result);
    await this.#start(input, actions, result);
    return result;
  }
  async #reset({ pod, facts, signal }: PodSyncInput, records: readonly ContainerRecord[]): Promise<void> {
    const { killer, runtime } = this.#options;
    for (const record of records) {
      if (record.state === "running") await killer.container(pod, record, "killing", "", { grace: 0, podIP: facts.podIPs[0], signal });
      await runtime.cri.call("RemoveContainer", { containerId: record.id });
    }
  }
  async #resize({ pod, resize }: PodSyncInput, actions: PodActions, result: PodSyncResult): Promise<void> {
    const { runtime, cgroups, config, limits } = this.#options;
    const context = { cri: runtime.cri, cgroups, cgroupRoot: config.cgroupRoot, limits, onActuated: (actuated: Allocation) => resize.actuate(actuated) };
    try {
      await applyResize(context, pod, actions.resize, resize.actuated);
    } catch (error) {
      resize.failed(pod, error instanceof CriError ? error.details : (error as Error).message);
      result.retryAfter = resizeDelay;
    }
    result.resized = true;
  }
  async #start(input: PodSyncInput, actions: PodActions, result: PodSyncResult): Promise<void> {
    const { pod } = input;
    const wanted = [...actions.ephemeralToStart, ...actions.initToStart, ...actions.toStart].filter((c) => !this.#inBackoff(input, c, result));
    if (!wanted.length && !actions.createSandbox) return;
    if (actions.createSandbox) await this.#prepareDevices(pod);
    const config = await this.#sandboxConfig(pod, actions.attempt);
    // Images are looked for, and fetched, while the network is being made.
    const images = new Map(wanted.map((c) => [c.name, this.#image(input, c, config)]));
    const imageVolumes = this.#options.imageVolumes.for(pod, input.volumes, {
      pullSecrets: input.pullSecrets,
      runtimeHandler: () => this.#options.runtimeHandler(pod),
      signal: input.signal,
    });
    for (const image of images.values()) image.catch(() => undefined);
    let sandboxId = actions.sandboxId;
    let facts = input.facts;
    if (actions.createSandbox) {
      const sandbox = await this.#createSandbox(input, config);
      result.changed = true;
      sandboxId = sandbox.id;
      if (!isHostNetwork(pod)) facts = { ...facts, podIPs: sandbox.ips };
      input.onSandbox(sandbox);
    }
    for (const container of wanted) {
      const prepared = async (): Promise<[MountedVolumes, LocalImage]> => [
        await imageVolumes(container, config),
        await (images.get(container.name) as Promise<LocalImage>),
      ];
      const ok = await this.#startOne({ ...input, facts }, container, sandboxId, config, prepared, result);
      if (!ok && actions.initToStart.includes(container) && !isSidecar(container)) return;
    }
  }
  #image({ pod, pullSecrets, signal }: PodSyncInput, container: Container, config: Sent<PodSandboxConfig>): Promise<LocalImage> {
    const request = { pod, container, reference: container.image ?? "", pullPolicy: container.imagePullPolicy ?? "IfNotPresent" };
    return this.#options.images.ensure(request, pullSecrets, config, signal);
  }
  #key(pod: Pod, container: Container): string {
    return `${pod.metadata.uid}/${container.name}/${container.image}`;
  }
  #inBackoff(input: PodSyncInput, container: Container, result: PodSyncResult): boolean {
    const { pod, state } = input;
    const ended = state.containers.find((c) => c.name === container.name && c.state === "exited");
    if (!ended) return false;
    const key = this.#key(pod, container);
    const remaining = this.#backoff.remaining(key, ended.finishedAt);
    if (remaining <= 0) {
      this.#backoff.next(key, ended.finishedAt);
      return false;
    }
    this.#options.events.container(pod, container, "Warning", "BackOff", `Back-off restarting failed container ${container.name} in pod ${formatPod(pod)}`);
    const message = `back-off ${formatSeconds(this.#backoff.delay(key))} restarting failed container=${container.name} pod=${formatPod(pod)}`;
    result.failures.set(container.name, { reason: "CrashLoopBackOff", message });
    result.retryAfter = Math.min(result.retryAfter ?? Number.POSITIVE_INFINITY, remaining);
    return true;
  }
  async #prepareDevices(pod: Pod): Promise<void> {
    const { events, managers } = this.#options;
    try {
      for (const manager of managers) await manager.prepare?.(pod);
    } catch (error) {
      events.pod(pod, "Warning", "FailedPrepareDynamicResources", `Failed to prepare dynamic resources: ${(error as Error).message}`);
      throw error;
    }
  }
  async #sandboxConfig(pod: Pod, attempt: number): Promise<Sent<PodSandboxConfig>> {
    const { config, events } = this.#options;
    const host = config.resolvConf ? parseResolvConf(await readFile(config.resolvConf, "utf8")) : undefined;
    const dns = podDns(pod, { servers: config.clusterDNS, domain: config.clusterDomain, host }, (message) => {
      const reason = message.startsWith("kubelet does not have ClusterDNS") ? "MissingClusterDNS" : "DNSConfigForming";
      events.pod(pod, "Warning", reason, reason === "MissingClusterDNS" ? `pod: ${JSON.stringify(formatPod(pod))}. ${message}` : message);
    });
    const name = podHostname(pod, config.clusterDomain);
    return sandboxConfig(pod, {
      attempt,
      dns,
      name,
      logDirectory: podLogDirectory(config.podLogsDir, pod),
      cgroupParent: podCgroupPath(pod, config.cgroupRoot),
    });
  }
  async #createSandbox(input: PodSyncInput, config: Sent<PodSandboxConfig>): Promise<SandboxRecord> {
    const { runtime, events } = this.#options;
    const { pod } = input;
    await mkdir(config.logDirectory as string, { recursive: true, mode: 0o755 });
    let id: string;
    try {
      const runtimeHandler = await this.#options.runtimeHandler(pod);
      if (pod.spec.hostUsers === false) throw new Error(`can't set \`spec.hostUsers: false\`, ${noUserNamespaces(runtimeHandler)}`);
      const make = (): Promise<{ podSandboxId: string }> => runtime.cri.call("RunPodSandbox", { config, runtimeHandler }, { timeout: 240_000 });
      id = (await this.#options.turns.take("sandbox", input.signal, make)).podSandboxId;
    } catch (error) {
      if (!input.signal.aborted) events.pod(pod, "Warning", "FailedCreatePodSandBox", `Failed to create pod sandbox: ${(error as Error).message}`);
      throw error;
    }
    try {
      return await runtime.sandbox(id);
    } catch (error) {
      events.pod(pod, "Warning", "FailedPodSandBoxStatus", `Unable to get pod sandbox status: ${(error as Error).message}`);
      throw error;
    }
  }
  /** True: the container runs and its postStart hook has succeeded. */
  async #startOne(
    input: PodSyncInput,
    container: Container,
    sandboxId: string,
    sandbox: Sent<PodSandboxConfig>,
    prepared: () => Promise<[MountedVolumes, LocalImage]>,
    result: PodSyncResult,
  ): Promise<boolean> {
    const { pod } = input;
    const { events } = this.#options;
    try {
      const [volumes, local] = await prepared();
      input.signal.throwIfAborted();
      result.changed = true;
      result.records.unshift(await this.#starter.start({ ...input, volumes }, container, sandboxId, sandbox, local));
      result.started.add(container.name);
      return true;
    } catch (error) {
      if (input.signal.aborted) throw error;
      result.unsure = true;
      const failure = error instanceof StartError ? error : new StartError("CreateContainerError", (error as Error).message);
      const ofImage = imageReasons.has(failure.reason);
      if (failure.reason !== "PostStartHookError")
        events.container(pod, container, "Warning", "Failed", `Error: ${ofImage ? failure.reason : failure.message}`);
      result.failures.set(container.name, { reason: failure.reason, message: failure.message });
      const wait = backedOff.has(failure.reason) ? backoffDelay : ofImage ? this.#options.images.retryAfter(pod, imageReferences(pod, container)) : configDelay;
      result.retryAfter = Math.min(result.retryAfter ?? Number.POSITIVE_INFINITY, Math.max(wait, backoffDelay));
      this.#options.logger.info("a container could not be started", {
        pod: `${pod.metadata.namespace}/${pod.metadata.name}`,
        container: container.name,
        reason: failure.reason,
        message: failure.message,
      });
      return false;
    }
  }
}
