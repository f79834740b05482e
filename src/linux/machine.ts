/** Facts about this machine. */
import { readFileSync, statfsSync, writeFileSync } from "node:fs";
import { arch, cpus, release } from "node:os";

export interface MachineFacts {
  cpus: number;
  /** Bytes. */
  memory: number;
  swap: number;
  machineID: string;
  systemUUID: string;
  bootID: string;
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

const goArchitecture: Record<string, string> = { x64: "amd64", ia32: "386" };

export function machineFacts(): MachineFacts {
  const memory = memoryInfo();
  const machineID = text("/etc/machine-id") || text("/var/lib/dbus/machine-id");
  return {
    cpus: cpus().length,
    memory: memory.MemTotal ?? 0,
    swap: memory.SwapTotal ?? 0,
    machineID,
    systemUUID: text("/sys/class/dmi/id/product_uuid") || machineID,
    bootID: text("/proc/sys/kernel/random/boot_id"),
    kernelVersion: release(),
    osImage: /^PRETTY_NAME="?([^"\n]*)/m.exec(text("/etc/os-release"))?.[1] ?? "",
    architecture: goArchitecture[arch()] ?? arch(),
  };
}

/** /proc/meminfo in bytes. */
export function memoryInfo(): Record<string, number> {
  const info: Record<string, number> = {};
  for (const [, name, kilobytes] of text("/proc/meminfo").matchAll(/^([\w()]+):\s+(\d+) kB$/gm)) info[name as string] = Number(kilobytes) * 1024;
  return info;
}

/** Nanoseconds that the processors have worked since the start. /proc/stat counts hundredths of a second (man 5 proc). */
export function cpuTime(): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = /^cpu +(.*)$/m.exec(text("/proc/stat"))?.[1]?.split(" ").map(Number) ?? [];
  return (user + nice + system + irq + softirq + steal) * 10_000_000;
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
  inodes: number;
  inodesFree: number;
}

/** Of the file system that holds `path`. Throws when there is none. */
export function filesystemUsage(path: string): FilesystemUsage {
  const stats = statfsSync(path);
  return { capacity: stats.blocks * stats.bsize, available: stats.bavail * stats.bsize, inodes: stats.files, inodesFree: stats.ffree };
}

/** The kernel's bound on process ids and how many are in use. */
export function processIds(): { max: number; used: number } {
  const used = Number(text("/proc/loadavg").split(" ")[3]?.split("/")[1] ?? 0);
  return { max: Number(text("/proc/sys/kernel/pid_max")), used };
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
