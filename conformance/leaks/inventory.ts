/** Everything on a node that pods bring and that must go with them, as lines that can be compared. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

/**
 * What changes by itself, or is nobody's who has gone: the store, logs of the programs, image layers, sockets and pid files. A pull that was
 * begun by a kubelet that was killed stays written down until the image is pulled, as upstream's does: the runtime may still
 * bring it.
 */
const ownBusiness =
  /^(store|logs|pki|kubeconfig|run\/(?!containerd\/)[^/]*$|images|kubelet\/image_manager\/pulling|containerd\/(root|config)|run\/containerd\/(fifo|io\.containerd\.(?!runtime)))/;

export function inventory(dataDir: string): string[] {
  return [...links(), ...mounts(dataDir), ...cgroups(), ...addresses(dataDir), ...files(dataDir), ...runtime(dataDir), ...rules(), ...processes(dataDir)];
}

const output = (program: string, ...args: string[]): string[] =>
  execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], maxBuffer: 1 << 28 })
    .split("\n")
    .filter(Boolean);

const links = (): string[] => output("ip", "-o", "link", "show", "type", "veth").map((line) => `link ${line.split(": ")[1]?.replace(/@.*/, "")}`);

const mounts = (dataDir: string): string[] =>
  readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((point) => point.startsWith(dataDir) || point.startsWith("/run/netns/") || point.startsWith("/var/run/netns/"))
    .map((point) => `mount ${point}`);

function cgroups(): string[] {
  const found = new Set<string>();
  const walk = (directory: string, name: string): void => {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      if (!entry.isDirectory()) continue;
      const path = `${name}/${entry.name}`;
      if (name || /^k8ts/.test(entry.name)) {
        found.add(`cgroup ${path}`);
        walk(join(directory, entry.name), path);
      }
    }
  };
  for (const hierarchy of readdirSync("/sys/fs/cgroup", { withFileTypes: true }))
    if (hierarchy.isDirectory() && !hierarchy.isSymbolicLink()) walk(join("/sys/fs/cgroup", hierarchy.name), "");
  return [...found];
}

function addresses(dataDir: string): string[] {
  const state = join(dataDir, "cni", "state");
  if (!existsSync(state)) return [];
  return readdirSync(state, { recursive: true, encoding: "utf8" })
    .filter((name) => /\/\d+\.\d+\.\d+\.\d+$/.test(name))
    .map((name) => `address ${name}`);
}

function files(dataDir: string): string[] {
  const found: string[] = [];
  const walk = (directory: string): void => {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      const path = join(directory, entry.name);
      if (ownBusiness.test(relative(dataDir, path)) || /^cni\/state\/[^/]+\/(\d|last_reserved_ip|lock)/.test(relative(dataDir, path))) continue;
      found.push(`file ${path}`);
      if (entry.isDirectory()) walk(path);
    }
  };
  walk(dataDir);
  for (const directory of ["/var/log/pods", "/var/log/containers", "/var/lib/cni", "/run/containerd"]) if (existsSync(directory)) walk(directory);
  return found;
}

function runtime(dataDir: string): string[] {
  const ctr = (...args: string[]): string[] => output("ctr", "--address", join(dataDir, "run", "containerd.sock"), "--namespace", "k8s.io", ...args);
  return [
    ...ctr("containers", "ls", "-q").map((id) => `container ${id}`),
    ...ctr("tasks", "ls", "-q").map((id) => `task ${id}`),
    // Layers of images are committed; a container's own is active.
    ...ctr("snapshots", "ls")
      .filter((line) => /Active|View/.test(line))
      .map((line) => `snapshot ${line.split(/\s+/)[0]}`),
  ];
}

/** Without counters and handles, which tell of traffic, and without the ports of the server's own process, which change with it. */
const rules = (): string[] =>
  output("nft", "list", "ruleset")
    .map((line) =>
      line
        .replace(/counter packets \d+ bytes \d+/g, "counter")
        .replace(/ # handle \d+/g, "")
        .replace(/\b10\.244\.0\.1 \. \d+/g, "10.244.0.1")
        .trim(),
    )
    .map((line, i, all) => `rule ${/^\}?$/.test(line) ? `${all[i - 1]} ${line}` : line}`);

function processes(dataDir: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
        const group = readFileSync(`/proc/${pid}/cgroup`, "utf8");
        if (group.includes("/kubepods") || group.includes("/k8ts/pod") || (command[0]?.includes("containerd-shim") && command.join(" ").includes(dataDir)))
          return [`process ${pid} ${command.slice(0, 6).join(" ")}`];
      } catch {
        // It has ended since.
      }
      return [];
    });
}

/** Lines that only one of the two has, with + for those that came. */
export function differences(before: readonly string[], after: readonly string[]): string[] {
  const [had, has] = [new Set(before), new Set(after)];
  return [...after.filter((line) => !had.has(line)).map((line) => `+${line}`), ...before.filter((line) => !has.has(line)).map((line) => `-${line}`)];
}
