/** The runtime as the kubelet sees it: records of pods instead of wire messages. */
import type { CriClient } from "../cri/client.ts";
import { CriError } from "../cri/client.ts";
import type { ContainerStatus, ContainerStatusResponse, PodSandboxStatus, RuntimeHandlerFeatures } from "../cri/types.gen.ts";
import { readEnd } from "./log-tail.ts";
import { annotations, type ContainerRecord, type ContainerState, labels, type RuntimePod, type SandboxRecord } from "./runtime-pod.ts";
import { readTerminationMessage } from "./termination-message.ts";
import { table } from "../base/table.ts";

const states = table<ContainerState>({
  CONTAINER_CREATED: "created",
  CONTAINER_RUNNING: "running",
  CONTAINER_EXITED: "exited",
  CONTAINER_UNKNOWN: "unknown",
});

/** Nanoseconds since the epoch as milliseconds; a runtime says 0 or less for never. */
const milliseconds = (nanoseconds: number): number => (nanoseconds > 0 ? nanoseconds / 1e6 : 0);

function record(status: ContainerStatus, sandboxId: string): ContainerRecord {
  const state = states[status.state] ?? "unknown";
  const user = status.user?.linux;
  return {
    id: status.id,
    name: status.labels[labels.containerName] ?? "",
    sandboxId,
    state,
    createdAt: milliseconds(status.createdAt),
    startedAt: state === "created" ? 0 : milliseconds(status.startedAt),
    finishedAt: state === "exited" ? milliseconds(status.finishedAt) : 0,
    exitCode: status.exitCode,
    reason: status.reason,
    message: status.message,
    image: status.image?.image ?? "",
    imageRef: status.imageRef,
    restartCount: Number(status.annotations[annotations.restartCount] ?? 0),
    hash: status.annotations[annotations.hash] ?? "",
    logPath: status.logPath,
    ...(user ? { user: { uid: user.uid, gid: user.gid, supplementalGroups: user.supplementalGroups } } : {}),
  };
}

function sandboxRecord(status: PodSandboxStatus): SandboxRecord {
  const network = status.network;
  return {
    id: status.id,
    attempt: status.metadata?.attempt ?? 0,
    ready: status.state === "SANDBOX_READY",
    createdAt: milliseconds(status.createdAt),
    hostNetwork: status.linux?.namespaces?.options?.network === "NODE",
    ips: network?.ip ? [network.ip, ...network.additionalIps.map((a) => a.ip)] : [],
  };
}

/** Something that is listed but meanwhile gone. */
async function unlessGone<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    if (error instanceof CriError && error.notFound) return undefined;
    throw error;
  }
}

const latestFirst = (a: { createdAt: number }, b: { createdAt: number }): number => b.createdAt - a.createdAt;

/** One line of what runs, enough to see that something changed. */
export interface PodSummary {
  uid: string;
  namespace: string;
  name: string;
  sandboxIds: string[];
  /** Changes whenever a sandbox or container of the pod appears, changes its state or goes. */
  fingerprint: string;
  running: boolean;
}

export class Runtime {
  readonly cri: CriClient;
  /** `containerd`: what container ids begin with. */
  readonly name: string;
  /** What has ended does not change any more. */
  readonly #ended = new Map<string, ContainerRecord>();

  constructor(cri: CriClient, name: string) {
    this.cri = cri;
    this.name = name;
  }
  /** What the runtime can do with this handler; nothing where it does not say. */
  async features(handler: string): Promise<RuntimeHandlerFeatures> {
    const { runtimeHandlers } = await this.cri.call("Status", {});
    return runtimeHandlers.find(({ name }) => name === handler)?.features ?? { recursiveReadOnlyMounts: false, userNamespaces: false };
  }
  /** Every pod that the runtime has anything of. */
  async summaries(): Promise<Map<string, PodSummary>> {
    const [sandboxes, containers] = await Promise.all([this.cri.call("ListPodSandbox", {}), this.cri.call("ListContainers", {})]);
    const pods = new Map<string, PodSummary & { parts: string[] }>();
    const podOf = (of: Record<string, string>): (PodSummary & { parts: string[] }) | undefined => {
      const uid = of[labels.podUid];
      if (!uid) return undefined;
      let pod = pods.get(uid);
      if (!pod) {
        pod = { uid, namespace: of[labels.podNamespace] ?? "", name: of[labels.podName] ?? "", sandboxIds: [], fingerprint: "", running: false, parts: [] };
        pods.set(uid, pod);
      }
      return pod;
    };
    for (const sandbox of sandboxes.items) {
      const pod = podOf(sandbox.labels);
      if (!pod) continue;
      pod.sandboxIds.push(sandbox.id);
      pod.parts.push(`${sandbox.id}:${sandbox.state === "SANDBOX_READY"}`);
      if (sandbox.state === "SANDBOX_READY") pod.running = true;
    }
    const alive = new Set<string>();
    for (const container of containers.containers) {
      alive.add(container.id);
      const pod = podOf(container.labels);
      pod?.parts.push(`${container.id}:${states[container.state] ?? "unknown"}`);
      if (pod && container.state === "CONTAINER_RUNNING") pod.running = true;
    }
    for (const id of this.#ended.keys()) if (!alive.has(id)) this.#ended.delete(id);
    for (const pod of pods.values()) pod.fingerprint = pod.parts.sort().join(" ");
    return pods;
  }
  async readPod(uid: string, namespace: string, name: string): Promise<RuntimePod> {
    const labelSelector = { [labels.podUid]: uid };
    const [sandboxes, containers] = await Promise.all([
      this.cri.call("ListPodSandbox", { filter: { labelSelector } }),
      this.cri.call("ListContainers", { filter: { labelSelector } }),
    ]);
    const [sandboxRecords, containerRecords] = await Promise.all([
      Promise.all(sandboxes.items.map(({ id }) => unlessGone(this.#sandbox(id)))),
      Promise.all(containers.containers.map(({ id, podSandboxId }) => unlessGone(this.container(id, podSandboxId)))),
    ]);
    return {
      uid,
      namespace,
      name,
      sandboxes: sandboxRecords.filter((s) => s !== undefined).sort((a, b) => b.createdAt - a.createdAt || b.attempt - a.attempt),
      containers: containerRecords.filter((c) => c !== undefined).sort(latestFirst),
    };
  }
  async #sandbox(id: string): Promise<SandboxRecord> {
    const { status } = await this.cri.call("PodSandboxStatus", { podSandboxId: id });
    if (!status) throw new Error(`the runtime gave no status of sandbox ${id}`);
    return sandboxRecord(status);
  }
  async sandbox(id: string): Promise<SandboxRecord> {
    return this.#sandbox(id);
  }
  async container(id: string, sandboxId: string): Promise<ContainerRecord> {
    const known = this.#ended.get(id);
    if (known) return known;
    const { status } = (await this.cri.call("ContainerStatus", { containerId: id })) as ContainerStatusResponse;
    if (!status) throw new Error(`the runtime gave no status of container ${id}`);
    const fresh = record(status, sandboxId);
    if (fresh.state !== "exited") return fresh;
    const message = await this.#terminationMessage(status, fresh);
    const ended = { ...fresh, message: fresh.message && message ? `${fresh.message}: ${message}` : fresh.message || message };
    this.#ended.set(id, ended);
    return ended;
  }
  async #terminationMessage(status: ContainerStatus, ended: ContainerRecord): Promise<string> {
    const path = status.annotations[annotations.terminationMessagePath] ?? "";
    const policy = status.annotations[annotations.terminationMessagePolicy];
    const useLogs = policy === "FallbackToLogsOnError" && ended.exitCode !== 0 && ended.reason !== "ContainerCannotRun";
    const host = path && status.mounts.find((m) => m.containerPath === path)?.hostPath;
    const message = host ? await readTerminationMessage(host) : "";
    return message || !useLogs || !status.logPath ? message : readEnd(status.logPath);
  }
}
