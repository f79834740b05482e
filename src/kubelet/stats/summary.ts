/** `/stats/summary` (k8s.io/kubelet/pkg/apis/stats/v1alpha1): the node and its pods in one document. */
import { formatTime } from "../../api/time.ts";
import type { CgroupUsage, Pressure, Stall } from "../../linux/cgroup-usage.ts";
import type { DiskUsage } from "../../linux/disk-usage.ts";
import { type InterfaceUsage, interfacesOf } from "../../linux/interfaces.ts";
import { cpuTime, type FilesystemUsage, machinePressure, memoryInfo, memoryWorkingSet, pageFaults, processIds } from "../../linux/machine.ts";
import type { ContainerView, Group, PodView, StatsSource } from "./source.ts";

type Stats = Record<string, unknown>;

const calm: Stall = { total: 0, avg10: 0, avg60: 0, avg300: 0 };
/** Where the kernel tells of none, nothing has been waited for: upstream shows that, too. */
const psi = ({ full, some }: Pressure = { full: calm, some: calm }): Stats => ({ psi: { full, some } });

function cpuOf(source: StatsSource, group: Group): Stats {
  const rate = source.cores(group);
  return {
    time: formatTime(group.time),
    usageNanoCores: Math.round(rate ?? 0),
    usageCoreNanoSeconds: group.cpu?.total ?? 0,
    ...psi(source.usage.pressure(group.path, "cpu")),
  };
}

/** `limit`: bytes; 0 for none. */
function memoryOf({ path, time, memory }: Group, usage: CgroupUsage, limit: number): Stats {
  if (!memory) return { time: formatTime(time), workingSetBytes: 0 };
  return {
    time: formatTime(time),
    ...(limit ? { availableBytes: Math.max(0, limit - memory.workingSet) } : {}),
    usageBytes: memory.usage,
    workingSetBytes: memory.workingSet,
    rssBytes: memory.rss,
    pageFaults: memory.pageFaults,
    majorPageFaults: memory.majorPageFaults,
    ...psi(usage.pressure(path, "memory")),
  };
}

/** `limit`: as the kernel has it; 0 for none. */
function swapOf({ time, memory }: Group, limit: number): Stats {
  const used = memory?.swap ?? 0;
  return { time: formatTime(time), ...(limit ? { swapAvailableBytes: Math.max(0, limit - used) } : {}), swapUsageBytes: used };
}

function ioOf({ path, time }: Group, usage: CgroupUsage): Stats {
  return { io: { time: formatTime(time), ...psi(usage.pressure(path, "io")) } };
}

export function networkOf(time: number, interfaces: readonly InterfaceUsage[]): Stats {
  const entries = interfaces.map((one) => ({
    name: one.name,
    rxBytes: one.receivedBytes,
    rxErrors: one.receiveErrors,
    txBytes: one.sentBytes,
    txErrors: one.sendErrors,
  }));
  // The one that upstream takes for the whole.
  return { time: formatTime(time), ...(entries.find(({ name }) => name === "eth0") ?? { name: "" }), interfaces: entries };
}

function filesystemOf(time: number, filesystem: FilesystemUsage, used: DiskUsage | undefined): Stats {
  const { capacity, available, inodes, inodesFree } = filesystem;
  return {
    time: formatTime(time),
    availableBytes: available,
    capacityBytes: capacity,
    usedBytes: used?.bytes ?? filesystem.used,
    inodesFree,
    inodes,
    inodesUsed: used?.inodes ?? inodes - inodesFree,
  };
}

const sum = (...parts: (DiskUsage | undefined)[]): DiskUsage =>
  parts.reduce<DiskUsage>((all, one) => ({ bytes: all.bytes + (one?.bytes ?? 0), inodes: all.inodes + (one?.inodes ?? 0) }), { bytes: 0, inodes: 0 });

function basics(source: StatsSource, view: ContainerView): Stats {
  const limits = source.usage.limits(view.path);
  return {
    name: view.record.name,
    startTime: formatTime(view.record.startedAt),
    cpu: cpuOf(source, view),
    memory: memoryOf(view, source.usage, limits?.memory ?? 0),
    ...ioOf(view, source.usage),
    swap: swapOf(view, limits?.swap ?? 0),
  };
}

async function podOf(source: StatsSource, view: PodView, only: boolean): Promise<Stats> {
  const { metadata, status } = view.pod;
  const podRef = { name: metadata.name, namespace: metadata.namespace ?? "", uid: metadata.uid };
  const limits = source.usage.limits(view.path);
  const whole = {
    podRef,
    startTime: status.startTime ?? formatTime(view.sandbox?.createdAt ?? 0),
    cpu: cpuOf(source, view),
    memory: memoryOf(view, source.usage, limits?.memory ?? 0),
    swap: swapOf(view, limits?.swap ?? 0),
  };
  if (only) return { ...whole, containers: view.containers.map((container) => basics(source, container)) };
  const [disk, layers, { filesystem: images }] = await Promise.all([source.disk(view), source.layers(), source.imageFilesystem()]);
  const node = source.nodeFilesystem();
  const containers = view.containers.map((container) => ({
    ...basics(source, container),
    rootfs: filesystemOf(view.time, images, layers.get(container.record.id)),
    logs: filesystemOf(disk.time, node, disk.logs.get(container.record.name)),
  }));
  const local = [...disk.volumes].filter(([, { claim }]) => claim === undefined).map(([, { used }]) => used);
  const processes = view.containers.map(({ path }) => source.usage.processes(path).length);
  return {
    ...whole,
    ...ioOf(view, source.usage),
    containers,
    network: networkOf(view.time, source.interfaces(view)),
    volume: [...disk.volumes].map(([name, { used, filesystem, claim }]) => ({
      ...filesystemOf(disk.time, filesystem, used),
      name,
      ...(claim === undefined ? {} : { pvcRef: { name: claim, namespace: podRef.namespace } }),
    })),
    "ephemeral-storage": filesystemOf(disk.time, node, sum(...local, ...disk.logs.values(), ...view.containers.map(({ record }) => layers.get(record.id)))),
    process_stats: { process_count: processes.reduce((a, b) => a + b, 0) },
  };
}

function nodeGroup(time: number): { cpu: number; memory: Stats; swap: Stats } {
  const memory = memoryInfo();
  const total = memory.MemTotal ?? 0;
  const workingSet = memoryWorkingSet();
  const swapTotal = memory.SwapTotal ?? 0;
  const swapUsed = swapTotal - (memory.SwapFree ?? 0);
  return {
    cpu: cpuTime(),
    memory: {
      time: formatTime(time),
      availableBytes: total - workingSet,
      usageBytes: total - (memory.MemFree ?? 0),
      workingSetBytes: workingSet,
      rssBytes: memory.AnonPages ?? 0,
      ...pageFaults(),
    },
    swap: { time: formatTime(time), swapAvailableBytes: swapTotal - swapUsed, swapUsageBytes: swapUsed },
  };
}

function systemContainer(source: StatsSource, name: string, path: string): Stats {
  const group = source.group(path);
  const made = source.usage.created(path) ?? group.time;
  const { memory } = source.machine;
  // What belongs to all pods is bounded by what the node has.
  const limit = source.usage.limits(path)?.memory || (name === "pods" ? memory : 0);
  const used = { cpu: cpuOf(source, group), memory: memoryOf(group, source.usage, limit) };
  return { name, startTime: formatTime(made), ...used, ...ioOf(group, source.usage), swap: swapOf(group, 0) };
}

/** `only`: processor time and memory, and nothing that takes a look at files. */
export async function summary(source: StatsSource, only: boolean): Promise<Stats> {
  const time = source.now();
  const { cpu, memory, swap } = nodeGroup(time);
  const rate = source.rates.rate("node", time, cpu);
  const pods: Stats[] = [];
  for await (const view of source.pods()) pods.push(await podOf(source, view, only));
  const node: Stats = {
    nodeName: source.config.nodeName,
    systemContainers: [systemContainer(source, "pods", source.podsPath)],
    startTime: formatTime(source.machine.bootTime),
    cpu: { time: formatTime(time), usageNanoCores: Math.round(rate ?? 0), usageCoreNanoSeconds: cpu, ...psi(machinePressure("cpu")) },
    memory: { ...memory, ...psi(machinePressure("memory")) },
    io: { time: formatTime(time), ...psi(machinePressure("io")) },
    swap,
  };
  if (only) return { node, pods };
  const images = await source.imageFilesystem();
  const fs = filesystemOf(time, images.filesystem, images.used);
  const { max, used } = processIds();
  return {
    node: {
      ...node,
      network: networkOf(time, interfacesOf("self")),
      fs: filesystemOf(time, source.nodeFilesystem(), undefined),
      runtime: { imageFs: fs, containerFs: fs },
      rlimit: { time: formatTime(time), maxpid: max, curproc: used },
    },
    pods,
  };
}
