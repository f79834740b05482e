/**
 * What the node, its pods and their containers use, read from the kernel's groups and namespaces when somebody asks. Only what
 * takes walks over directories is remembered, for a minute.
 */
import type { Pod } from "../../api/types/core-v1.gen.ts";
import type { Clock } from "../../base/clock.ts";
import type { CriClient } from "../../cri/client.ts";
import type { CgroupUsage, CpuUsage, MemoryUsage } from "../../linux/cgroup-usage.ts";
import { type DiskUsage, diskUsage } from "../../linux/disk-usage.ts";
import { type InterfaceUsage, interfacesOf } from "../../linux/interfaces.ts";
import { type FilesystemUsage, filesystemUsage, type MachineFacts } from "../../linux/machine.ts";
import type { KubeletConfig } from "../config.ts";
import { podCgroupPath } from "../resources.ts";
import type { ContainerRecord, RuntimePod, SandboxRecord } from "../runtime-pod.ts";
import { podLogDirectory } from "../sandbox-config.ts";
import { placesOf } from "../volumes/places.ts";
import { Rates } from "./rates.ts";

export interface StatsSourceOptions {
  config: KubeletConfig;
  usage: CgroupUsage;
  cri: CriClient;
  clock: Clock;
  machine: MachineFacts;
  /** With what the runtime has of them. */
  pods(): readonly { pod: Pod; runtimePod: RuntimePod }[];
  podDirectory(uid: string): string;
  /** The PersistentVolume that a claim is bound to. */
  claimVolume(namespace: string, claim: string): Promise<string | undefined>;
}

export interface Group {
  path: string;
  /** Milliseconds since the epoch. */
  time: number;
  cpu?: CpuUsage;
  memory?: MemoryUsage;
}
export interface ContainerView extends Group {
  record: ContainerRecord;
}
export interface PodView extends Group {
  pod: Pod;
  containers: ContainerView[];
  sandbox?: SandboxRecord & { path: string };
}

/** By container id: bytes and inodes of its writable layer. */
type Layers = ReadonlyMap<string, DiskUsage>;
export interface PodDisk {
  time: number;
  /** By volume, of those that are directories of the node. */
  volumes: ReadonlyMap<string, VolumeDisk>;
  /** By container. */
  logs: ReadonlyMap<string, DiskUsage>;
}
export interface VolumeDisk {
  used: DiskUsage;
  filesystem: FilesystemUsage;
  /** Name of the PersistentVolumeClaim, where it is one's. */
  claim?: string;
}

/** Milliseconds for which counted files stand, as upstream's volumeStatsAggPeriod. */
const remembered = 60_000;

export class StatsSource {
  readonly config: KubeletConfig;
  readonly machine: MachineFacts;
  readonly usage: CgroupUsage;
  readonly rates = new Rates();
  readonly #options: StatsSourceOptions;
  /** In the order of their ends: all are remembered equally long. */
  readonly #disks = new Map<string, { until: number; answer: Promise<PodDisk> }>();
  #images: { until: number; answer: Promise<{ used: DiskUsage; filesystem: FilesystemUsage }> } | undefined;
  #layers: { until: number; answer: Promise<Layers> } | undefined;

  constructor(options: StatsSourceOptions) {
    this.#options = options;
    this.config = options.config;
    this.machine = options.machine;
    this.usage = options.usage;
  }
  now(): number {
    return this.#options.clock.now();
  }
  group(path: string): Group {
    const cpu = this.usage.cpu(path);
    const memory = this.usage.memory(path);
    return { path, time: this.now(), ...(cpu ? { cpu } : {}), ...(memory ? { memory } : {}) };
  }
  /** Of all pods together. */
  get podsPath(): string {
    const { cgroupRoot } = this.config;
    return `${cgroupRoot === "/" ? "" : cgroupRoot}/kubepods`;
  }
  /** Pods that run, one after another: between them others have their turn. */
  async *pods(): AsyncGenerator<PodView> {
    let n = 0;
    for (const { pod, runtimePod } of this.#options.pods()) {
      const running = runtimePod.containers.filter(({ state }) => state === "running");
      const sandbox = runtimePod.sandboxes.find(({ ready }) => ready);
      if (!running.length && !sandbox) continue;
      const path = podCgroupPath(pod, this.config.cgroupRoot);
      const group = this.group(path);
      // What has no group does not run.
      if (!group.cpu && !group.memory) continue;
      const containers = running.map((record) => ({ ...this.group(`${path}/${record.id}`), record }));
      yield { ...group, pod, containers, ...(sandbox ? { sandbox: { ...sandbox, path: `${path}/${sandbox.id}` } } : {}) };
      if (++n % 8 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }
  /** Nanocores; undefined before it has been looked at twice. */
  cores({ path, time, cpu }: Group): number | undefined {
    return cpu && this.rates.rate(path, time, cpu.total);
  }
  /** In the group itself, those of groups below it left out. */
  processes(path: string): number[] {
    return this.usage.processes(path);
  }
  /** In the pod's own network namespace, or the node's for a pod that is in that. */
  interfaces({ sandbox }: PodView): InterfaceUsage[] {
    const pid = sandbox && this.processes(sandbox.path)[0];
    return pid === undefined ? [] : interfacesOf(pid);
  }
  nodeFilesystem(): FilesystemUsage {
    return filesystemUsage(this.config.rootDir);
  }
  /** Where images and writable layers are. */
  imageFilesystem(): Promise<{ used: DiskUsage; filesystem: FilesystemUsage }> {
    const { cri, clock } = this.#options;
    const now = clock.monotonic();
    if (this.#images && this.#images.until > now) return this.#images.answer;
    const answer = cri.call("ImageFsInfo", {}).then(({ imageFilesystems: [first] }) => ({
      used: { bytes: first?.usedBytes?.value ?? 0, inodes: first?.inodesUsed?.value ?? 0 },
      filesystem: filesystemUsage(first?.fsId?.mountpoint || this.config.rootDir),
    }));
    answer.catch(() => {
      this.#images = undefined;
    });
    this.#images = { until: now + 10_000, answer };
    return answer;
  }
  layers(): Promise<Layers> {
    const { cri, clock } = this.#options;
    const now = clock.monotonic();
    if (this.#layers && this.#layers.until > now) return this.#layers.answer;
    const answer = cri
      .call("ListContainerStats", {})
      .then(
        ({ stats }) =>
          new Map(
            stats.map(({ attributes, writableLayer }) => [
              attributes?.id ?? "",
              { bytes: writableLayer?.usedBytes?.value ?? 0, inodes: writableLayer?.inodesUsed?.value ?? 0 },
            ]),
          ),
      );
    answer.catch(() => {
      this.#layers = undefined;
    });
    this.#layers = { until: now + 10_000, answer };
    return answer;
  }
  /** Of a pod's volumes and logs. */
  disk(view: PodView): Promise<PodDisk> {
    const { uid } = view.pod.metadata;
    const now = this.#options.clock.monotonic();
    for (const [of, { until }] of this.#disks) {
      if (until > now) break;
      this.#disks.delete(of);
    }
    const known = this.#disks.get(uid);
    if (known) return known.answer;
    const answer = this.#count(view);
    this.#disks.set(uid, { until: now + remembered, answer });
    answer.catch(() => this.#disks.delete(uid));
    return answer;
  }
  async #count({ pod, containers }: PodView): Promise<PodDisk> {
    const directory = this.#options.podDirectory(pod.metadata.uid);
    const volumes = new Map<string, VolumeDisk>();
    const places = await placesOf(directory, pod.metadata.uid);
    for (const volume of pod.spec.volumes ?? []) {
      const claim = volume.persistentVolumeClaim?.claimName ?? (volume.ephemeral ? `${pod.metadata.name}-${volume.name}` : undefined);
      const name = claim === undefined ? volume.name : await this.#options.claimVolume(pod.metadata.namespace ?? "", claim);
      const place = places.find((one) => one.name === name && !one.block);
      const filesystem = place && filesystemAt(place.path);
      // A directory of the node without a bound of its own, as host paths are, has no figures.
      if (!filesystem || place.plugin === "kubernetes.io/host-path" || place.plugin === "kubernetes.io/local-volume") continue;
      // A file system of its own tells what is used; others are counted.
      const used = counted.has(place.plugin) ? await diskUsage(place.path) : { bytes: filesystem.used, inodes: filesystem.inodes - filesystem.inodesFree };
      volumes.set(volume.name, { used, filesystem, ...(claim === undefined ? {} : { claim }) });
    }
    const logs = new Map<string, DiskUsage>();
    for (const { record } of containers) logs.set(record.name, await diskUsage(`${podLogDirectory(this.config.podLogsDir, pod)}/${record.name}`));
    return { time: this.now(), volumes, logs };
  }
}

function filesystemAt(path: string): FilesystemUsage | undefined {
  try {
    return filesystemUsage(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Directories on the node's own file system. */
const counted = new Set(["empty-dir", "configmap", "secret", "downward-api", "projected"].map((name) => `kubernetes.io/${name}`));
