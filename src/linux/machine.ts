/** Facts about this machine. */
import { readFileSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { arch, cpus, release } from "node:os";
import { type Pressure, parsePressure } from "./cgroup-usage.ts";
import { table } from "../base/table.ts";

export interface MachineFacts {
  cpus: number;
  physicalCores: number;
  sockets: number;
  /** Bytes. */
  memory: number;
  swap: number;
  machineID: string;
  systemUUID: string;
  bootID: string;
  /** When the kernel was started, milliseconds since the epoch. */
  bootTime: number;
  kernelVersion: string;
  osImage: string;
  /** As Go names it: amd64, arm64. */
  architecture: string;
}

function text(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    // Containers and minimal systems lack some of these files; the fact is then unknown.
    return "";
  }
}

const goArchitecture = table<string>({ x64: "amd64", ia32: "386" });

export function machineFacts(): MachineFacts {
  const memory = memoryInfo();
  const machineID = text("/etc/machine-id") || text("/var/lib/dbus/machine-id");
  return {
    cpus: cpus().length,
    ...topology(),
    memory: memory.MemTotal ?? 0,
    swap: memory.SwapTotal ?? 0,
    machineID,
    systemUUID: text("/sys/class/dmi/id/product_uuid") || machineID,
    bootID: text("/proc/sys/kernel/random/boot_id"),
    bootTime: Number(/^btime (\d+)$/m.exec(text("/proc/stat"))?.[1] ?? 0) * 1000,
    kernelVersion: release(),
    osImage: /^PRETTY_NAME="?([^"\n]*)/m.exec(text("/etc/os-release"))?.[1] ?? "",
    architecture: goArchitecture[arch()] ?? arch(),
  };
}

/** What /proc/cpuinfo says of where processors are; some architectures say nothing, and count as one core each in one socket. */
function topology(): { physicalCores: number; sockets: number } {
  const cores = new Set<string>();
  const sockets = new Set<string>();
  for (const processor of text("/proc/cpuinfo").split("\n\n")) {
    const of = (name: string): string | undefined => new RegExp(`^${name}\\s*: (\\d+)$`, "m").exec(processor)?.[1];
    const socket = of("physical id");
    if (socket === undefined) continue;
    sockets.add(socket);
    cores.add(`${socket}/${of("core id")}`);
  }
  return { physicalCores: cores.size || cpus().length, sockets: sockets.size || 1 };
}

/** /proc/meminfo in bytes. */
export function memoryInfo(): Record<string, number> {
  const info: Record<string, number> = {};
  for (const [, name, kilobytes] of text("/proc/meminfo").matchAll(/^([\w()]+):\s+(\d+) kB$/gm)) info[name as string] = Number(kilobytes) * 1024;
  return info;
}

/** Nanoseconds that the processors have worked since the start. /proc/stat counts hundredths of a second (man 5 proc). */
export function cpuTime(part?: "user" | "system"): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = /^cpu +(.*)$/m.exec(text("/proc/stat"))?.[1]?.split(" ").map(Number) ?? [];
  if (part === "user") return (user + nice) * 10_000_000;
  if (part === "system") return (system + irq + softirq) * 10_000_000;
  return (user + nice + system + irq + softirq + steal) * 10_000_000;
}

/** Of all processes; undefined where the kernel does not count. */
export const machinePressure = (of: "cpu" | "memory" | "io"): Pressure | undefined => parsePressure(text(`/proc/pressure/${of}`));

/** Of all processes since the start (man 5 proc, /proc/vmstat). */
export function pageFaults(): { pageFaults: number; majorPageFaults: number } {
  const of = (name: string, content: string): number => Number(new RegExp(`^${name} (\\d+)$`, "m").exec(content)?.[1] ?? 0);
  const content = text("/proc/vmstat");
  return { pageFaults: of("pgfault", content), majorPageFaults: of("pgmajfault", content) };
}

/** Bytes in use that the kernel cannot simply take back. */
export function memoryWorkingSet(): number {
  const { MemTotal = 0, MemFree = 0, "Inactive(file)": inactive = 0 } = memoryInfo();
  return Math.max(0, MemTotal - MemFree - inactive);
}

export interface FilesystemUsage {
  /** Bytes. */
  capacity: number;
  available: number;
  /** What is neither used nor available is kept for root. */
  used: number;
  inodes: number;
  inodesFree: number;
  /** Numbers of the block device, `8:1`. */
  device: string;
}

/** Of the file system that holds `path`. Throws when there is none. */
export function filesystemUsage(path: string): FilesystemUsage {
  const stats = statfsSync(path);
  return {
    capacity: stats.blocks * stats.bsize,
    available: stats.bavail * stats.bsize,
    used: (stats.blocks - stats.bfree) * stats.bsize,
    inodes: stats.files,
    inodesFree: stats.ffree,
    device: deviceOf(path),
  };
}

/** As makedev(3) packs it. */
function deviceOf(path: string): string {
  const { dev } = statSync(path, { bigint: true });
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
  return `${major}:${(dev & 0xffn) | ((dev >> 12n) & ~0xffn)}`;
}

/** The kernel's bound on process ids and how many are in use. */
export function processIds(): { max: number; used: number } {
  const used = Number(text("/proc/loadavg").split(" ")[3]?.split("/")[1] ?? 0);
  const bounds = ["pid_max", "threads-max"].map((name) => Number(text(`/proc/sys/kernel/${name}`)));
  return { max: Math.min(...bounds.filter((bound) => bound > 0)), used };
}

/**
 * The lowest oom_score_adj that this process may give to its children: below its own only with CAP_SYS_RESOURCE, which
 * root lacks in some containers.
 */
export function lowestOomScore(): number {
  const own = Number(text("/proc/self/oom_score_adj"));
  try {
    writeFileSync("/proc/self/oom_score_adj", String(Math.max(own - 1, -1000)));
  } catch {
    return own;
  }
  writeFileSync("/proc/self/oom_score_adj", String(own));
  return -1000;
}
