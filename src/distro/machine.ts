/**
 * What a node needs of the machine: the pod bridge with the node's address, forwarding, module parameters. Every change is
 * written into the journal before it is made; restore() puts it all back.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { systemClock } from "../base/clock.ts";
import { CommandError, run } from "../linux/command.ts";
import { readSysctl, writeSysctl } from "../linux/sysctl.ts";
import { natChains, removeHostPorts } from "../network/host-ports.ts";
import { UsageError } from "./commands/options.ts";
import { readJsonFile } from "./files.ts";
import { type Journal, journalFile } from "./journal.ts";
import type { Paths } from "./paths.ts";
import { nodeAddress, type Settings } from "./settings.ts";

const sysctls: Record<string, string> = {
  "net.ipv4.ip_forward": "1",
  "net.bridge.bridge-nf-call-iptables": "1",
};

/** Directories outside the data directory that components make: taken away by restore() when they were not there before. */
const shared = ["/run/containerd", "/run/netns", "/var/lib/cni", "/var/log/pods", "/var/log/containers", "/etc/cni", "/opt/cni"];

export async function prepareMachine(settings: Settings, journal: Journal): Promise<void> {
  for (const path of shared) if (!existsSync(path)) journal.add("paths", path);
  await Promise.all([ensureBridge(settings, journal), journal.record.natChains ?? natChains().then((chains) => journal.natChains(chains))]);
  for (const [name, value] of Object.entries(sysctls)) {
    const before = readSysctl(name);
    if (before === undefined || before === value) continue;
    journal.sysctl(name, before);
    writeSysctl(name, value);
  }
}

/** Throws UsageError when another cluster, or somebody else, has the bridge. */
export function assertBridgeIsOurs({ bridge }: Settings, paths: Paths): void {
  if (!existsSync(`/sys/class/net/${bridge}`)) return;
  const record = readJsonFile<{ links?: string[] }>(journalFile(paths));
  if (!record?.links?.includes(bridge))
    throw new UsageError(
      `a network interface named ${bridge} exists and is not of this cluster: if another cluster runs, \`k8ts reset\` it; otherwise remove it (ip link del ${bridge})`,
    );
}

/** The CNI bridge plugin takes over a bridge that exists; making it first gives the node its address before any pod runs. */
async function ensureBridge(settings: Settings, journal: Journal): Promise<void> {
  const { bridge, podCIDR } = settings;
  const address = `${nodeAddress(settings)}/${podCIDR.split("/")[1]}`;
  if (!existsSync(`/sys/class/net/${bridge}`)) {
    journal.add("links", bridge);
    await run("ip", ["link", "add", bridge, "type", "bridge"]);
  }
  await run("ip", ["addr", "replace", address, "dev", bridge]);
  await run("ip", ["link", "set", bridge, "up"]);
}

export async function restoreMachine(journal: Journal): Promise<void> {
  const { links, nftTables, natChains: chains, sysctls: before, cgroups, paths } = journal.record;
  for (const table of nftTables) await ignoreAbsent(run("nft", ["delete", "table", ...table.split(" ")]));
  if (chains) for (const network of links) await removeHostPorts(network, chains);
  for (const link of links) if (existsSync(`/sys/class/net/${link}`)) await run("ip", ["link", "del", link]);
  for (const [name, value] of Object.entries(before)) if (readSysctl(name) !== undefined) writeSysctl(name, value);
  for (const cgroup of cgroups) await removeCgroup(cgroup);
  for (const path of paths) rmSync(path, { recursive: true, force: true });
}

/** Creates `/sys/fs/cgroup/<hierarchy>/<name>` wherever a hierarchy is mounted, noted for restore(). */
export function ensureCgroupRoots(name: string, journal: Journal): void {
  for (const hierarchy of hierarchies()) {
    const path = `${hierarchy}/${name}`;
    if (existsSync(path)) continue;
    journal.add("cgroups", path);
    mkdirSync(path);
  }
}

function hierarchies(): string[] {
  if (existsSync("/sys/fs/cgroup/cgroup.controllers")) return ["/sys/fs/cgroup"];
  return readdirSync("/sys/fs/cgroup").map((name) => `/sys/fs/cgroup/${name}`);
}

/** Processes in the control groups of this cluster: containers whose shims were killed have no other mark. */
export function processesInCgroups(journal: Journal): number[] {
  const below = (path: string): number[] =>
    existsSync(path) ? [...readFileSync(`${path}/cgroup.procs`, "utf8").split("\n").filter(Boolean).map(Number), ...groupsIn(path).flatMap(below)] : [];
  return [...new Set(journal.record.cgroups.flatMap(below))];
}

const groupsIn = (path: string): string[] =>
  readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => `${path}/${entry.name}`);

/** Children first: the kernel removes only what is empty, and counts threads for a moment after their process has ended. */
async function removeCgroup(path: string): Promise<void> {
  if (!existsSync(path)) return;
  for (const group of groupsIn(path)) await removeCgroup(group);
  for (let attempt = 0; ; attempt++) {
    try {
      return rmdirSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EBUSY" || attempt === 40) throw error;
      await systemClock.sleep(50);
    }
  }
}

async function ignoreAbsent(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof CommandError && /No such file/.test(error.stderr))) throw error;
  }
}
