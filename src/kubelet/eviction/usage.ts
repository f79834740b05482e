/** What the node has left and what pods use, as the kernel and the runtime tell. */
import type { Pod } from "../../api/types/core-v1.gen.ts";
import type { CriClient } from "../../cri/client.ts";
import type { Cgroups } from "../../linux/cgroups.ts";
import { type DiskUsage, diskUsage } from "../../linux/disk-usage.ts";
import { filesystemUsage, memoryInfo, processIds } from "../../linux/machine.ts";
import type { KubeletConfig } from "../config.ts";
import { reservedMemory } from "../node-status.ts";
import { podCgroupPath, podsCgroupPath } from "../resources.ts";
import { findContainer, type RuntimePod } from "../runtime-pod.ts";
import { podLogDirectory } from "../sandbox-config.ts";
import type { ContainerUsage, PodUsage } from "./rank.ts";
import type { Observations } from "./thresholds.ts";

/** `imageRoot`: a directory on the file system that holds images and writable layers. */
export function observe(config: KubeletConfig, imageRoot: string, cgroups: Cgroups): Observations {
  const memory = memoryInfo();
  const nodefs = filesystemUsage(config.rootDir);
  const imagefs = filesystemUsage(imageRoot);
  const pids = processIds();
  const forPods = (memory.MemTotal ?? 0) - reservedMemory(config);
  const byPods = cgroups.workingSet(podsCgroupPath(config.cgroupRoot));
  return {
    "memory.available": { available: memory.MemAvailable ?? 0, capacity: memory.MemTotal ?? 0 },
    ...(byPods === undefined ? {} : { "allocatableMemory.available": { available: forPods - byPods, capacity: forPods } }),
    "nodefs.available": { available: nodefs.available, capacity: nodefs.capacity },
    "imagefs.available": { available: imagefs.available, capacity: imagefs.capacity },
    // Some file systems have as many inodes as they have room for, and count none.
    ...(nodefs.inodes ? { "nodefs.inodesFree": { available: nodefs.inodesFree, capacity: nodefs.inodes } } : {}),
    ...(imagefs.inodes ? { "imagefs.inodesFree": { available: imagefs.inodesFree, capacity: imagefs.inodes } } : {}),
    "pid.available": { available: pids.max - pids.used, capacity: pids.max },
  };
}

/** A directory of the runtime's images; `fallback` when it does not tell. */
export async function imageDirectory(cri: CriClient, fallback: string): Promise<string> {
  const { imageFilesystems } = await cri.call("ImageFsInfo", {});
  return imageFilesystems[0]?.fsId?.mountpoint || fallback;
}

export interface Measured {
  pod: Pod;
  runtime: RuntimePod;
  directory: string;
  /** Its files are counted, which takes time. */
  disk: boolean;
}

export class Usage {
  readonly #config: KubeletConfig;
  readonly #cri: CriClient;
  readonly #cgroups: Cgroups;
  constructor(config: KubeletConfig, cri: CriClient, cgroups: Cgroups) {
    this.#config = config;
    this.#cri = cri;
    this.#cgroups = cgroups;
  }
  /** By uid. */
  async of(pods: readonly Measured[]): Promise<Map<string, PodUsage>> {
    const layers = pods.some((p) => p.disk) ? await this.#writableLayers() : new Map<string, DiskUsage>();
    const usages = new Map<string, PodUsage>();
    for (const measured of pods) usages.set(measured.pod.metadata.uid, await this.#one(measured, layers));
    return usages;
  }
  async #writableLayers(): Promise<Map<string, DiskUsage>> {
    const { stats } = await this.#cri.call("ListContainerStats", {});
    return new Map(
      stats.map(({ attributes, writableLayer }) => [
        attributes?.id ?? "",
        { bytes: writableLayer?.usedBytes?.value ?? 0, inodes: writableLayer?.inodesUsed?.value ?? 0 },
      ]),
    );
  }
  async #one({ pod, runtime, directory, disk }: Measured, layers: ReadonlyMap<string, DiskUsage>): Promise<PodUsage> {
    const group = podCgroupPath(pod, this.#config.cgroupRoot);
    const containers = new Map<string, ContainerUsage>();
    const emptyDirs = new Map<string, number>();
    const whole: DiskUsage = { bytes: 0, inodes: 0 };
    const add = (usage: DiskUsage): number => {
      whole.bytes += usage.bytes;
      whole.inodes += usage.inodes;
      return usage.bytes;
    };
    for (const { name } of [...pod.spec.containers, ...(pod.spec.initContainers ?? [])]) {
      const record = findContainer(runtime, name);
      const memory = record && this.#cgroups.workingSet(`${group}/${record.id}`);
      const bytes =
        disk && record
          ? add(layers.get(record.id) ?? { bytes: 0, inodes: 0 }) + add(await diskUsage(`${podLogDirectory(this.#config.podLogsDir, pod)}/${name}`))
          : undefined;
      containers.set(name, { ...(memory === undefined ? {} : { memory }), ...(bytes === undefined ? {} : { disk: bytes }) });
    }
    if (disk)
      for (const { name, emptyDir } of pod.spec.volumes ?? [])
        if (emptyDir && emptyDir.medium !== "Memory") emptyDirs.set(name, add(await diskUsage(`${directory}/volumes/kubernetes.io~empty-dir/${name}`)));
    const memory = this.#cgroups.workingSet(group);
    return {
      ...(memory === undefined ? {} : { memory }),
      processes: this.#cgroups.processes(group).length,
      ...(disk ? { disk: whole } : {}),
      containers,
      emptyDirs,
    };
  }
}
