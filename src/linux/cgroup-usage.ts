/**
 * What the processes of a control group use, from the kernel's files: version 1 (hybrid included) and 2, under one set of
 * names (kernel Documentation/admin-guide/cgroup-v1, cgroup-v2.rst, accounting/psi.rst). Everything is read when it is asked for.
 */
import { existsSync, readFileSync, statSync } from "node:fs";

/** Times in nanoseconds. */
export interface CpuUsage {
  total: number;
  user: number;
  system: number;
  periods: number;
  throttledPeriods: number;
  throttledTime: number;
  burstPeriods: number;
  burstTime: number;
}
/** Bytes and counts. */
export interface MemoryUsage {
  usage: number;
  /** Without what the kernel can simply take back. */
  workingSet: number;
  maxUsage: number;
  /** How often the limit was met. */
  failures: number;
  kernel: number;
  cache: number;
  rss: number;
  swap: number;
  mapped: number;
  activeFile: number;
  inactiveFile: number;
  pageFaults: number;
  majorPageFaults: number;
  oomKills: number;
}
export interface Limits {
  cpuShares: number;
  /** Microseconds; quota 0: none. */
  cpuQuota: number;
  cpuPeriod: number;
  /** Bytes; 0: none. */
  memory: number;
  swap: number;
  reservation: number;
}
export interface Tasks {
  processes: number;
  threads: number;
  /** 0: no limit. */
  threadsMax: number;
}
/** Of one block device, `8:0`. */
export interface DeviceIO {
  device: string;
  readBytes: number;
  writtenBytes: number;
  reads: number;
  writes: number;
}
/** Microseconds in all, and percent over the last seconds. */
export interface Stall {
  total: number;
  avg10: number;
  avg60: number;
  avg300: number;
}
export interface Pressure {
  some: Stall;
  full: Stall;
}

/** Paths are those of the groups. Undefined, or nothing: the group is not there, or nobody counts. */
export interface CgroupUsage {
  cpu(path: string): CpuUsage | undefined;
  memory(path: string): MemoryUsage | undefined;
  limits(path: string): Limits | undefined;
  tasks(path: string): Tasks | undefined;
  /** Ids of the processes in the group itself, without those of groups below it. */
  processes(path: string): number[];
  io(path: string): DeviceIO[];
  pressure(path: string, of: "cpu" | "memory" | "io"): Pressure | undefined;
  /** When the group was made, milliseconds since the epoch. */
  created(path: string): number | undefined;
}

const absent = new Set(["ENOENT", "ENODEV", "ENOTDIR", "EOPNOTSUPP"]);

/** Undefined where there is no such file. */
function text(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (absent.has((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

const ids = (content: string | undefined): number[] => content?.split("\n").filter(Boolean).map(Number) ?? [];

/** Lines of a name and a number. */
function numbers(content: string | undefined): Record<string, number> {
  const found: Record<string, number> = Object.create(null);
  for (const line of content?.split("\n") ?? []) {
    const at = line.indexOf(" ");
    if (at > 0) found[line.slice(0, at)] = Number(line.slice(at + 1));
  }
  return found;
}

/** A file's number; 0 where it says that there is no bound, or is not there. */
function bound(path: string): number {
  const value = Number(text(path) ?? 0);
  // Without a limit version 1 says the largest number of pages that it can count.
  return Number.isFinite(value) && value > 0 && value < 2 ** 62 ? value : 0;
}

const stall = (line = ""): Stall => {
  const value = (name: string): number => Number(new RegExp(`${name}=([\\d.]+)`).exec(line)?.[1] ?? 0);
  return { total: value("total"), avg10: value("avg10"), avg60: value("avg60"), avg300: value("avg300") };
};

export function parsePressure(content: string | undefined): Pressure | undefined {
  if (!content) return undefined;
  const of = (kind: string): Stall => stall(content.split("\n").find((line) => line.startsWith(`${kind} `)));
  return { some: of("some"), full: of("full") };
}

/** The oldest of a group's directory and a file in it that is never written: the directory changes with every group below. */
function madeAt(...paths: string[]): number | undefined {
  const times = paths.flatMap((path) => (existsSync(path) ? [statSync(path).mtimeMs] : []));
  return times.length ? Math.min(...times) : undefined;
}

const ofDevice = (devices: Map<string, DeviceIO>, device: string): DeviceIO => {
  const known = devices.get(device) ?? { device, readBytes: 0, writtenBytes: 0, reads: 0, writes: 0 };
  devices.set(device, known);
  return known;
};

function versionTwo(root: string): CgroupUsage {
  const file = (path: string, name: string): string => `${root}${path}/${name}`;
  return {
    cpu(path) {
      const content = text(file(path, "cpu.stat"));
      if (content === undefined) return undefined;
      const of = numbers(content);
      const nano = (name: string): number => (of[name] ?? 0) * 1000;
      return {
        total: nano("usage_usec"),
        user: nano("user_usec"),
        system: nano("system_usec"),
        periods: of.nr_periods ?? 0,
        throttledPeriods: of.nr_throttled ?? 0,
        throttledTime: nano("throttled_usec"),
        burstPeriods: of.nr_bursts ?? 0,
        burstTime: nano("burst_usec"),
      };
    },
    memory(path) {
      const current = text(file(path, "memory.current"));
      if (current === undefined) return undefined;
      const usage = Number(current);
      const of = numbers(text(file(path, "memory.stat")));
      const events = numbers(text(file(path, "memory.events")));
      const inactiveFile = of.inactive_file ?? 0;
      return {
        usage,
        workingSet: Math.max(0, usage - inactiveFile),
        maxUsage: bound(file(path, "memory.peak")),
        failures: events.max ?? 0,
        kernel: of.kernel ?? 0,
        cache: of.file ?? 0,
        rss: of.anon ?? 0,
        swap: bound(file(path, "memory.swap.current")),
        mapped: of.file_mapped ?? 0,
        activeFile: of.active_file ?? 0,
        inactiveFile,
        pageFaults: of.pgfault ?? 0,
        majorPageFaults: of.pgmajfault ?? 0,
        oomKills: events.oom_kill ?? 0,
      };
    },
    limits(path) {
      const max = text(file(path, "cpu.max"))?.trim().split(" ");
      if (!existsSync(`${root}${path}`)) return undefined;
      const weight = bound(file(path, "cpu.weight"));
      return {
        cpuShares: weight ? 2 + Math.floor(((weight - 1) * 262142) / 9999) : 0,
        cpuQuota: max && max[0] !== "max" ? Number(max[0]) : 0,
        cpuPeriod: Number(max?.[1] ?? 0),
        memory: bound(file(path, "memory.max")),
        swap: bound(file(path, "memory.swap.max")),
        reservation: bound(file(path, "memory.low")),
      };
    },
    tasks(path) {
      const processes = text(file(path, "cgroup.procs"));
      if (processes === undefined) return undefined;
      const threads = bound(file(path, "pids.current"));
      return { processes: ids(processes).length, threads, threadsMax: bound(file(path, "pids.max")) };
    },
    processes: (path) => ids(text(file(path, "cgroup.procs"))),
    io(path) {
      const devices = new Map<string, DeviceIO>();
      for (const line of text(file(path, "io.stat"))?.split("\n") ?? []) {
        const [device, ...pairs] = line.split(" ");
        if (!device) continue;
        const of = Object.fromEntries(pairs.map((pair) => pair.split("=")));
        devices.set(device, {
          device,
          readBytes: Number(of.rbytes ?? 0),
          writtenBytes: Number(of.wbytes ?? 0),
          reads: Number(of.rios ?? 0),
          writes: Number(of.wios ?? 0),
        });
      }
      return [...devices.values()];
    },
    pressure: (path, of) => parsePressure(text(file(path, `${of}.pressure`))),
    created: (path) => madeAt(`${root}${path}`, file(path, "cgroup.events")),
  };
}

function versionOne(root: string): CgroupUsage {
  const file = (hierarchy: string, path: string, name: string): string => `${root}/${hierarchy}${path}/${name}`;
  return {
    cpu(path) {
      const total = text(file("cpuacct", path, "cpuacct.usage"));
      if (total === undefined) return undefined;
      const of = numbers(text(file("cpu", path, "cpu.stat")));
      return {
        total: Number(total),
        user: Number(text(file("cpuacct", path, "cpuacct.usage_user")) ?? 0),
        system: Number(text(file("cpuacct", path, "cpuacct.usage_sys")) ?? 0),
        periods: of.nr_periods ?? 0,
        throttledPeriods: of.nr_throttled ?? 0,
        throttledTime: of.throttled_time ?? 0,
        burstPeriods: of.nr_bursts ?? 0,
        burstTime: of.burst_time ?? 0,
      };
    },
    memory(path) {
      const current = text(file("memory", path, "memory.usage_in_bytes"));
      if (current === undefined) return undefined;
      const usage = Number(current);
      const of = numbers(text(file("memory", path, "memory.stat")));
      const inactiveFile = of.total_inactive_file ?? 0;
      return {
        usage,
        workingSet: Math.max(0, usage - inactiveFile),
        maxUsage: bound(file("memory", path, "memory.max_usage_in_bytes")),
        failures: bound(file("memory", path, "memory.failcnt")),
        kernel: bound(file("memory", path, "memory.kmem.usage_in_bytes")),
        cache: of.total_cache ?? 0,
        rss: of.total_rss ?? 0,
        swap: of.total_swap ?? 0,
        mapped: of.total_mapped_file ?? 0,
        activeFile: of.total_active_file ?? 0,
        inactiveFile,
        pageFaults: of.pgfault ?? 0,
        majorPageFaults: of.pgmajfault ?? 0,
        oomKills: numbers(text(file("memory", path, "memory.oom_control"))).oom_kill ?? 0,
      };
    },
    limits(path) {
      const shares = text(file("cpu", path, "cpu.shares"));
      if (shares === undefined) return undefined;
      return {
        cpuShares: Number(shares),
        cpuQuota: Math.max(0, Number(text(file("cpu", path, "cpu.cfs_quota_us")) ?? 0)),
        cpuPeriod: bound(file("cpu", path, "cpu.cfs_period_us")),
        memory: bound(file("memory", path, "memory.limit_in_bytes")),
        swap: bound(file("memory", path, "memory.memsw.limit_in_bytes")),
        reservation: bound(file("memory", path, "memory.soft_limit_in_bytes")),
      };
    },
    tasks(path) {
      const processes = text(file("cpu", path, "cgroup.procs"));
      if (processes === undefined) return undefined;
      const pids = (name: string): number => bound(file("pids", path, name));
      return { processes: ids(processes).length, threads: pids("pids.current"), threadsMax: pids("pids.max") };
    },
    processes: (path) => ids(text(file("cpu", path, "cgroup.procs"))),
    io(path) {
      const devices = new Map<string, DeviceIO>();
      const each = (name: string, take: (of: DeviceIO, operation: string, value: number) => void): void => {
        const content = text(file("blkio", path, `${name}_recursive`)) ?? text(file("blkio", path, name)) ?? "";
        for (const line of content.split("\n")) {
          const [device = "", operation, value] = line.split(" ");
          if (operation && value !== undefined) take(ofDevice(devices, device), operation, Number(value));
        }
      };
      each("blkio.throttle.io_service_bytes", (of, operation, value) => {
        if (operation === "Read") of.readBytes = value;
        else if (operation === "Write") of.writtenBytes = value;
      });
      each("blkio.throttle.io_serviced", (of, operation, value) => {
        if (operation === "Read") of.reads = value;
        else if (operation === "Write") of.writes = value;
      });
      return [...devices.values()];
    },
    // Version 1 has none.
    pressure: () => undefined,
    created: (path) => madeAt(`${root}/cpu${path}`, file("cpu", path, "cgroup.clone_children"), `${root}/memory${path}`),
  };
}

export const openCgroupUsage = (root = "/sys/fs/cgroup"): CgroupUsage => (existsSync(`${root}/cgroup.controllers`) ? versionTwo(root) : versionOne(root));
