/**
 * What a machine looks like from outside, to compare before `up` with after `reset`: mounts, links, namespaces, nftables,
 * routes, cgroups, sysctls, files outside the clone, listening sockets, processes of ours.
 *
 * Usage: node conformance/machine-snapshot.ts > before; ...; node conformance/machine-snapshot.ts | diff before -
 */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

const lines: string[] = [];
const section = (name: string, entries: string[]): void => void lines.push(`## ${name}`, ...entries.filter(Boolean).sort());
const run = (program: string, ...args: string[]): string[] => {
  try {
    return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).split("\n");
  } catch {
    return [`${program} is not there`];
  }
};

section(
  "mounts",
  readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((l) => l.split(" ").slice(0, 3).join(" ")),
);
section(
  "links",
  run("ip", "-o", "link").map((l) => l.split(":").slice(1, 2).join("").trim()),
);
section(
  "addresses",
  run("ip", "-o", "addr").map((l) => l.split(/\s+/).slice(1, 4).join(" ")),
);
section("routes", run("ip", "route"));
section("nftables", run("nft", "list", "ruleset"));
section("cgroups", existsSync("/sys/fs/cgroup") ? directories("/sys/fs/cgroup", 4) : []);
section("namespaces", namespaces());
section("sysctls", sysctls());
section(
  "files",
  ["/etc", "/opt", "/usr/lib/cni", "/var/lib", "/var/log", "/run", "/root"].flatMap((d) => (existsSync(d) ? directories(d, 2) : [])),
);
section("processes", processes());
process.stdout.write(`${lines.join("\n")}\n`);

function directories(root: string, depth: number): string[] {
  if (depth === 0) return [];
  return readdirSync(root, { withFileTypes: true }).flatMap((entry) => {
    const path = join(root, entry.name);
    // What package managers and editors keep changes by itself.
    if (/^\/(var\/lib\/(apt|dpkg|nfs)|root\/(\.cache|\.npm|go|\.config)|var\/log\/apt)/.test(path)) return [];
    return entry.isDirectory() ? [path, ...directories(path, depth - 1)] : root.startsWith("/sys") ? [] : [path];
  });
}
function namespaces(): string[] {
  const found = new Set<string>();
  for (const pid of readdirSync("/proc").filter((p) => /^\d+$/.test(p))) {
    for (const kind of ["net", "pid", "uts", "ipc"]) {
      try {
        found.add(readlinkSync(`/proc/${pid}/ns/${kind}`));
      } catch {
        // A process that ended meanwhile, or a kernel thread.
      }
    }
  }
  return [...found];
}
function sysctls(): string[] {
  return [
    "net/ipv4/ip_forward",
    "net/bridge/bridge-nf-call-iptables",
    "net/ipv4/conf/all/rp_filter",
    "net/ipv4/conf/all/route_localnet",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
  ]
    .filter((name) => existsSync(`/proc/sys/${name}`))
    .map((name) => `${name} ${readFileSync(`/proc/sys/${name}`, "utf8").trim()}`);
}
function processes(): string[] {
  return readdirSync("/proc")
    .filter((p) => /^\d+$/.test(p))
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, 3).join(" ");
        return /k8ts|containerd|runc/.test(command) && !command.includes("machine-snapshot") ? [command] : [];
      } catch {
        return [];
      }
    });
}
