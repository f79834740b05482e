/** Control groups, version 1 (hybrid included) and 2, through their files (kernel Documentation/admin-guide/cgroup-v1, cgroup-v2.rst). */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";

export interface CgroupValues {
  cpuShares?: number;
  /** Microseconds of each period; 0: no limit. */
  cpuQuota?: number;
  cpuPeriod?: number;
  /** Bytes; 0: no limit. */
  memory?: number;
  pids?: number;
}

export interface Cgroups {
  readonly version: 1 | 2;
  exists(path: string): boolean;
  /** Makes the group and those above it. Throws what the file system says. */
  create(path: string, values: CgroupValues): void;
  /** Sets these values of a group that exists. Throws what the file system says. */
  update(path: string, values: CgroupValues): void;
  /** Shares, quota, period and limit of memory as the kernel has them. */
  read(path: string): CgroupValues;
  /** Bytes in use; undefined where nobody counts them, or the group is not there. */
  memoryUsage(path: string): number | undefined;
  /** Bytes in use that the kernel cannot simply take back (upstream's working set); undefined as above. */
  workingSet(path: string): number | undefined;
  /** Removes the group and those below it; what still runs in them is sent SIGKILL. False: it has not ended yet. */
  remove(path: string): boolean;
  /** Names of the groups directly below. */
  children(path: string): string[];
  /** Nanoseconds of processor time so far; undefined where nobody counts them, or the group is not there. */
  cpuTime(path: string): number | undefined;
  /** Every process in the group and below. */
  processes(path: string): number[];
}

const code = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? "";

/** Deepest first. False where processes are left. */
function removeTree(directory: string): boolean {
  let clean = true;
  let entries: string[];
  try {
    entries = readdirSync(directory, { withFileTypes: true })
      .filter((e) => e.isDirectory())
      .map((e) => e.name);
  } catch (error) {
    if (code(error) === "ENOENT") return true;
    throw error;
  }
  for (const entry of entries) clean = removeTree(`${directory}/${entry}`) && clean;
  try {
    rmdirSync(directory);
  } catch (error) {
    if (code(error) === "EBUSY") return false;
    if (code(error) !== "ENOENT") throw error;
  }
  return clean;
}

/** A runtime that was killed may have left them (upstream's pod_container_manager_linux.go does the same). */
function endAll(pids: readonly number[]): false {
  for (const pid of new Set(pids)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      if (code(error) !== "ESRCH") throw error;
    }
  }
  return false;
}

function pidsBelow(directory: string): number[] {
  try {
    const own = readFileSync(`${directory}/cgroup.procs`, "utf8").split("\n").filter(Boolean).map(Number);
    const below = readdirSync(directory, { withFileTypes: true }).filter((e) => e.isDirectory());
    return [...own, ...below.flatMap((e) => pidsBelow(`${directory}/${e.name}`))];
  } catch (error) {
    if (code(error) === "ENOENT" || code(error) === "ENODEV") return [];
    throw error;
  }
}

function childrenOf(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((e) => e.isDirectory())
      .map((e) => e.name);
  } catch (error) {
    if (code(error) === "ENOENT") return [];
    throw error;
  }
}

/** Shares (2..262144) as the weight (1..10000) that version 2 has instead: KEP-2254. */
const weight = (shares: number): number => 1 + Math.floor(((shares - 2) * 9999) / 262142);
const sharesOf = (weight: number): number => 2 + Math.floor(((weight - 1) * 262142) / 9999);

/** Usage without the file cache that nobody has touched lately. */
function workingSetOf(usage: string, statistics: string, name: string): number | undefined {
  const used = numberIn(usage);
  if (used === undefined) return undefined;
  try {
    const inactive = new RegExp(`^${name} (\\d+)$`, "m").exec(readFileSync(statistics, "utf8"))?.[1];
    return Math.max(0, used - Number(inactive ?? 0));
  } catch (error) {
    if (code(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** A file's number; undefined when it is not there. */
function numberIn(file: string): number | undefined {
  try {
    return Number(readFileSync(file, "utf8"));
  } catch (error) {
    if (code(error) === "ENOENT") return undefined;
    throw error;
  }
}

function versionTwo(root: string): Cgroups {
  const at = (path: string): string => `${root}${path}`;
  const update = (path: string, values: CgroupValues): void => {
    const write = (file: string, value: string): void => writeFileSync(`${at(path)}/${file}`, value);
    if (values.cpuShares !== undefined) write("cpu.weight", String(weight(values.cpuShares)));
    if (values.cpuPeriod) write("cpu.max", `${values.cpuQuota || "max"} ${values.cpuPeriod}`);
    if (values.memory !== undefined) write("memory.max", values.memory ? String(values.memory) : "max");
    if (values.pids !== undefined) write("pids.max", String(values.pids));
  };
  return {
    version: 2,
    exists: (path) => existsSync(at(path)),
    create(path, values) {
      let above = "";
      for (const part of path.split("/").filter(Boolean)) {
        // A controller is there for a group only when the group above hands it down.
        const available = readFileSync(`${root}${above}/cgroup.controllers`, "utf8").trim().split(/\s+/);
        const wanted = ["cpu", "memory", "pids", "cpuset", "io"].filter((c) => available.includes(c));
        if (wanted.length) writeFileSync(`${root}${above}/cgroup.subtree_control`, wanted.map((c) => `+${c}`).join(" "));
        above += `/${part}`;
        mkdirSync(`${root}${above}`, { recursive: true });
      }
      update(path, values);
    },
    update,
    read(path) {
      const text = (file: string): string => readFileSync(`${at(path)}/${file}`, "utf8").trim();
      const [quota, period] = text("cpu.max").split(" ");
      const memory = text("memory.max");
      return {
        cpuShares: sharesOf(Number(text("cpu.weight"))),
        cpuQuota: quota === "max" ? 0 : Number(quota),
        cpuPeriod: Number(period),
        memory: memory === "max" ? 0 : Number(memory),
      };
    },
    memoryUsage: (path) => numberIn(`${at(path)}/memory.current`),
    workingSet: (path) => workingSetOf(`${at(path)}/memory.current`, `${at(path)}/memory.stat`, "inactive_file"),
    cpuTime(path) {
      const microseconds = existsSync(`${at(path)}/cpu.stat`) && /^usage_usec (\d+)$/m.exec(readFileSync(`${at(path)}/cpu.stat`, "utf8"))?.[1];
      return microseconds ? Number(microseconds) * 1000 : undefined;
    },
    remove: (path) => removeTree(at(path)) || endAll(pidsBelow(at(path))),
    children: (path) => childrenOf(at(path)),
    processes: (path) => pidsBelow(at(path)),
  };
}

function versionOne(root: string): Cgroups {
  // Of a hybrid the runtime makes groups in `unified`, too.
  const hierarchies = readdirSync(root).filter((name) => existsSync(`${root}/${name}/cgroup.procs`));
  const main = hierarchies.includes("memory") ? "memory" : (hierarchies.find((name) => name !== "unified") as string);
  const managed = ["cpu", "memory", "pids"].filter((name) => hierarchies.includes(name));
  const update = (path: string, values: CgroupValues): void => {
    const write = (name: string, file: string, value: number): void => {
      if (managed.includes(name)) writeFileSync(`${root}/${name}${path}/${file}`, String(value));
    };
    if (values.cpuShares !== undefined) write("cpu", "cpu.shares", values.cpuShares);
    if (values.cpuPeriod) {
      write("cpu", "cpu.cfs_period_us", values.cpuPeriod);
      write("cpu", "cpu.cfs_quota_us", values.cpuQuota || -1);
    }
    if (values.memory !== undefined) write("memory", "memory.limit_in_bytes", values.memory || -1);
    if (values.pids !== undefined) write("pids", "pids.max", values.pids);
  };
  return {
    version: 1,
    exists: (path) => managed.every((name) => existsSync(`${root}/${name}${path}`)),
    create(path, values) {
      for (const name of managed) mkdirSync(`${root}/${name}${path}`, { recursive: true });
      update(path, values);
    },
    update,
    read(path) {
      const value = (name: string, file: string): number => numberIn(`${root}/${name}${path}/${file}`) ?? 0;
      const memory = value("memory", "memory.limit_in_bytes");
      return {
        cpuShares: value("cpu", "cpu.shares"),
        cpuQuota: Math.max(0, value("cpu", "cpu.cfs_quota_us")),
        cpuPeriod: value("cpu", "cpu.cfs_period_us"),
        // Without a limit the kernel says the largest number of pages that it can count.
        memory: memory >= 2 ** 62 ? 0 : memory,
      };
    },
    memoryUsage: (path) => numberIn(`${root}/memory${path}/memory.usage_in_bytes`),
    workingSet: (path) => workingSetOf(`${root}/memory${path}/memory.usage_in_bytes`, `${root}/memory${path}/memory.stat`, "total_inactive_file"),
    cpuTime: (path) => numberIn(`${root}/cpuacct${path}/cpuacct.usage`),
    // The runtime makes the groups in hierarchies that are not managed here.
    remove: (path) => {
      const directories = hierarchies.map((name) => `${root}/${name}${path}`);
      return directories.map(removeTree).every(Boolean) || endAll(directories.flatMap(pidsBelow));
    },
    children: (path) => childrenOf(`${root}/${main}${path}`),
    processes: (path) => pidsBelow(`${root}/${main}${path}`),
  };
}

/** Paths are those of the groups: `/kubepods/burstable/podUID`. */
export function openCgroups(root = "/sys/fs/cgroup"): Cgroups {
  return existsSync(`${root}/cgroup.controllers`) ? versionTwo(root) : versionOne(root);
}
