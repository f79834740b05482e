/** A node whose groups are numbers in a table. */
import type { Pod } from "../../api/types/core-v1.gen.ts";
import { VirtualClock } from "../../base/clock.ts";
import type { CriClient } from "../../cri/client.ts";
import type { CgroupUsage, CpuUsage, MemoryUsage } from "../../linux/cgroup-usage.ts";
import { machineFacts } from "../../linux/machine.ts";
import { kubeletConfig } from "../config.ts";
import type { RuntimePod } from "../runtime-pod.ts";
import { StatsSource } from "./source.ts";

const cpu = (total: number): CpuUsage => ({
  ...{ total, user: total / 2, system: total / 2, periods: 4, throttledPeriods: 1 },
  ...{ throttledTime: 5e8, burstPeriods: 0, burstTime: 0 },
});
const memory = (workingSet: number): MemoryUsage => ({
  ...{ usage: workingSet + 50, workingSet, maxUsage: workingSet + 60, failures: 0, kernel: 0, cache: 0, rss: workingSet, swap: 3, mapped: 0 },
  ...{ activeFile: 0, inactiveFile: 50, pageFaults: 7, majorPageFaults: 1, oomKills: 0 },
});

/** `groups`: nanoseconds and bytes by path; changed while it is looked at. */
export function fakeSource(groups: Record<string, [cpu: number, memory: number]>, pods: { pod: Pod; runtimePod: RuntimePod }[]) {
  const clock = new VirtualClock(1_000_000);
  const of = (path: string): [number, number] | undefined => groups[path];
  const usage: CgroupUsage = {
    cpu: (path) => of(path) && cpu((of(path) as [number, number])[0]),
    memory: (path) => of(path) && memory((of(path) as [number, number])[1]),
    limits: (path) => of(path) && { cpuShares: 2, cpuQuota: path.endsWith("limited") ? 5000 : 0, cpuPeriod: 100_000, memory: 1000, swap: 1000, reservation: 0 },
    tasks: (path) => of(path) && { processes: 1, threads: 3, threadsMax: 0 },
    processes: () => [],
    io: (path) => (of(path) ? [{ device: "999:1", readBytes: 1, writtenBytes: 2, reads: 3, writes: 4 }] : []),
    pressure: () => undefined,
    created: (path) => of(path) && 900_000,
  };
  const cri = {
    call: async (method: string) =>
      method === "ImageFsInfo"
        ? { imageFilesystems: [{ usedBytes: { value: 77 }, inodesUsed: { value: 7 }, fsId: { mountpoint: "/" } }], containerFilesystems: [] }
        : { stats: [{ attributes: { id: "one" }, writableLayer: { usedBytes: { value: 4096 }, inodesUsed: { value: 2 } } }] },
  } as unknown as CriClient;
  const source = new StatsSource({
    config: kubeletConfig({ nodeName: "n", nodeIPs: ["10.0.0.1"], rootDir: "/", cgroupRoot: "/k", podLogsDir: "/absent" }),
    usage,
    cri,
    clock,
    machine: machineFacts(),
    pods: () => pods,
    podDirectory: () => "/absent",
    claimVolume: async () => undefined,
  });
  return { source, clock };
}

export const fakePod = (name: string, ...containers: [name: string, id: string, state: string][]): { pod: Pod; runtimePod: RuntimePod } => ({
  pod: {
    metadata: { namespace: "ns", name, uid: name },
    spec: { containers: [{ name: "c" }] },
    status: { startTime: "2026-01-01T00:00:00Z" },
  } as unknown as Pod,
  runtimePod: {
    uid: name,
    namespace: "ns",
    name,
    sandboxes: [],
    containers: containers.map(([name, id, state]) => ({ name, id, state, startedAt: 5500, image: "i" })),
  } as unknown as RuntimePod,
});
