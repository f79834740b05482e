/** How processors and memory lie on this machine, read from /sys (Documentation/ABI/stable/sysfs-devices-system-cpu and -node). */
import { readdirSync, readFileSync } from "node:fs";
import { parseCpuList } from "./cpu-list.ts";
import { memoryInfo } from "./machine.ts";

export interface Processor {
  /** The lowest processor of the same core. */
  core: number;
  socket: number;
  node: number;
  /** Which last-level cache it shares. */
  cache: number;
}

export interface NumaNode {
  id: number;
  /** Bytes. */
  memory: number;
  /** By size of a page in bytes, how many there are. */
  hugePages: Map<number, number>;
  /** To each node, in the order of the nodes; empty where the kernel does not say. */
  distances: number[];
}

export interface Topology {
  cpus: ReadonlyMap<number, Processor>;
  nodes: readonly NumaNode[];
}

function text(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    // Virtual machines and containers lack some of these files.
    return undefined;
  }
}

const numbered = (directory: string, pattern: RegExp): number[] => {
  try {
    return readdirSync(directory)
      .flatMap((name) => pattern.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b);
  } catch {
    return [];
  }
};

function cacheOf(directory: string, otherwise: number): number {
  const caches = numbered(`${directory}/cache`, /^index(\d+)$/).map((index) => `${directory}/cache/index${index}`);
  const last = caches.find((cache) => text(`${cache}/level`) === "3");
  const id = last && text(`${last}/id`);
  return id ? Number(id) : otherwise;
}

/** `root`: where /sys/devices/system is. A machine that tells nothing of nodes has one. */
export function readTopology(root = "/sys/devices/system"): Topology {
  const online = parseCpuList(text(`${root}/cpu/online`) ?? "0");
  const ids = numbered(`${root}/node`, /^node(\d+)$/);
  const nodeOf = new Map<number, number>();
  const nodes = ids.map((id): NumaNode => {
    const directory = `${root}/node/node${id}`;
    for (const cpu of parseCpuList(text(`${directory}/cpulist`) ?? "")) nodeOf.set(cpu, id);
    const pages = numbered(`${directory}/hugepages`, /^hugepages-(\d+)kB$/);
    return {
      id,
      memory: Number(/MemTotal:\s+(\d+) kB/.exec(text(`${directory}/meminfo`) ?? "")?.[1] ?? 0) * 1024,
      hugePages: new Map(pages.map((kilobytes) => [kilobytes * 1024, Number(text(`${directory}/hugepages/hugepages-${kilobytes}kB/nr_hugepages`) ?? 0)])),
      distances: (text(`${directory}/distance`) ?? "").split(/\s+/).filter(Boolean).map(Number),
    };
  });
  if (!nodes.length) nodes.push({ id: 0, memory: memoryInfo().MemTotal ?? 0, hugePages: new Map(), distances: [10] });
  const cpus = new Map(
    [...online].map((cpu): [number, Processor] => {
      const directory = `${root}/cpu/cpu${cpu}`;
      const siblings = parseCpuList(text(`${directory}/topology/thread_siblings_list`) ?? String(cpu));
      const socket = Number(text(`${directory}/topology/physical_package_id`) ?? 0);
      return [cpu, { core: Math.min(cpu, ...siblings.intersection(online)), socket, node: nodeOf.get(cpu) ?? 0, cache: cacheOf(directory, socket) }];
    }),
  );
  return { cpus, nodes };
}
