/**
 * A private containerd: own root, state and socket under the data directory, found on the machine or installed from the
 * distribution's packages. Containers outlive it: their shims go on, and a new containerd takes them over.
 */
import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, statSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { Clock, Timer } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import { type CriClient, connectCri } from "../cri/client.ts";
import { allPids, commandLine, identify, isAlive, type ProcessIdentity } from "../linux/process.ts";
import { AbandonedNetworks } from "./abandoned-networks.ts";
import { readIdentity, writeFileAtomic } from "./files.ts";
import { endAbandonedLeases } from "./leases.ts";
import { pauseImageName } from "./images/pause.ts";
import { which } from "./packages.ts";
import type { Paths } from "./paths.ts";
import { minimumAge, Shims } from "./shims.ts";

export interface ContainerdOptions {
  paths: Paths;
  cniBinDirectory: string;
  clock: Clock;
  logger: Logger;
}

const config = (paths: Paths, cniBin: string): string => `version = 2
root = "${join(paths.containerd, "root")}"
state = "${paths.containerdState}"
oom_score = 0
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.internal.v1.tracing", "io.containerd.tracing.processor.v1.otlp"]
[grpc]
  address = "${paths.containerdSocket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "${join(paths.containerd, "opt")}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImageName}"
  restrict_oom_score_adj = ${!mayLowerOOMScore()}
  netns_mounts_under_state_dir = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  enable_unprivileged_ports = true
  enable_unprivileged_icmp = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${cniBin}"
    conf_dir = "${join(paths.cni, "net.d")}"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "${join(paths.containerd, "hosts")}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
        Root = "${join(paths.run, "runc")}"
`;

/** Root without CAP_SYS_RESOURCE may not set a negative oom_score_adj, and a sandbox that must would die. */
function mayLowerOOMScore(): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  const sysResource = 1n << 24n;
  return (BigInt(`0x${effective}`) & sysResource) !== 0n;
}

const startAttempts = 5;
/** Milliseconds. */
const sweepInterval = 10_000;

export class Containerd {
  readonly #options: ContainerdOptions;
  readonly #pidFile: string;
  readonly #configFile: string;
  #process: ProcessIdentity | undefined;
  #watch: Timer | undefined;
  #stopping = false;
  readonly #shims: Shims;
  readonly #networks: AbandonedNetworks;
  #sweepAt = 0;
  #forgotten: Timer | undefined;
  /** Its predecessors' leases and networks have been seen to. */
  #settled: ProcessIdentity | undefined;
  constructor(options: ContainerdOptions) {
    this.#options = options;
    this.#shims = new Shims({ state: options.paths.containerdState, containerd: options.paths.containerdSocket, clock: options.clock });
    this.#networks = new AbandonedNetworks({ state: options.paths.containerdState, bin: options.cniBinDirectory });
    this.#pidFile = join(options.paths.run, "containerd.json");
    this.#configFile = join(options.paths.containerd, "config.toml");
  }

  /**
   * Resolves when it serves; takes over one that an agent before us left running. Starts it again whenever it ends, until
   * disposed of. Rejects with one sentence when it will not start.
   */
  async start(signal: AbortSignal): Promise<void> {
    const { paths, cniBinDirectory } = this.#options;
    for (const directory of [paths.containerd, join(paths.containerd, "hosts"), join(paths.cni, "net.d"), paths.run])
      mkdirSync(directory, { recursive: true, mode: 0o711 });
    writeFileAtomic(this.#configFile, config(paths, cniBinDirectory));
    this.#process = this.#running();
    for (let attempt = 1; ; attempt++) {
      if (!this.#process || !isAlive(this.#process)) this.#spawn();
      try {
        await this.#serving(signal);
        break;
      } catch (error) {
        // It may have been killed while it started, or the one before it still holds its files.
        if (signal.aborted || attempt === startAttempts) throw error;
        await this.#options.clock.sleep(300, signal);
      }
    }
    if (!this.#forgotten) this.#endForgottenLater();
    this.#supervise();
  }

  /** The one that an agent before us left; that agent may have been killed before it could write down which it is. */
  #running(): ProcessIdentity | undefined {
    const known = readIdentity(this.#pidFile);
    if (known && isAlive(known)) return known;
    const process = runningContainerd(this.#configFile);
    if (process) writeFileAtomic(this.#pidFile, JSON.stringify(process), 0o600);
    return process;
  }

  #spawn(): void {
    const { paths } = this.#options;
    const program = which("containerd");
    if (!program) throw new Error("containerd is not installed: apt-get install containerd");
    rmSync(paths.containerdSocket, { force: true });
    const log = openSync(join(paths.logs, "containerd.log"), "a");
    const child = spawn(program, ["--config", this.#configFile], {
      detached: true,
      stdio: ["ignore", log, log],
      env: { ...process.env, PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin` },
    });
    closeSync(log);
    child.unref();
    this.#process = child.pid === undefined ? undefined : identify(child.pid);
    if (!this.#process) throw new Error(`containerd ended at once: see ${join(paths.logs, "containerd.log")}`);
    writeFileAtomic(this.#pidFile, JSON.stringify(this.#process), 0o600);
    this.#endForgottenLater();
  }

  /** Once a new containerd has taken over what still belongs to it, and when what is left is old enough to be judged; then ever again. */
  #endForgottenLater(): void {
    const { clock, logger } = this.#options;
    this.#forgotten?.cancel();
    this.#forgotten = clock.after(2 * minimumAge, () => {
      this.#endForgottenLater();
      this.#endForgotten().catch((error: unknown) => logger.warn("what shims left behind was not removed", { error }));
    });
  }
  async #endForgotten(): Promise<void> {
    const { paths, clock } = this.#options;
    const process = this.#process;
    await using cri = connectCri(paths.containerdSocket, clock);
    const { items } = await cri.call("ListPodSandbox", {});
    const { containers } = await cri.call("ListContainers", {});
    if (!process || process !== this.#process) return;
    this.#shims.endForgotten(process, new Set([...items, ...containers].map(({ id }) => id)));
    if (this.#settled === process) return;
    // What an earlier one left does not grow.
    await this.#endEarlier(cri, items);
    this.#settled = process;
  }
  async #endEarlier(cri: CriClient, items: readonly { id: string }[]): Promise<void> {
    const since = statSync(this.#pidFile).mtimeMs;
    await endAbandonedLeases(this.#options.paths.containerdSocket, since);
    if (!this.#networks.present(since)) return;
    const namespaces = new Set<string>();
    for (const { id: podSandboxId } of items) {
      const { info } = await cri.call("PodSandboxStatus", { podSandboxId, verbose: true });
      for (const { type, path } of namespacesIn(info.info)) if (type === "network" && path) namespaces.add(path);
    }
    await this.#networks.remove({ ids: new Set(items.map(({ id }) => id)), namespaces, since });
  }

  /** By looking, because one that was taken over is not our child. */
  #supervise(): void {
    const { clock, logger } = this.#options;
    this.#watch = clock.after(250, () => {
      if (this.#stopping) return;
      if (!this.#process || !isAlive(this.#process)) {
        logger.warn("containerd ended; starting it again");
        try {
          this.#spawn();
        } catch (error) {
          logger.error("containerd could not be started", { error });
        }
      }
      if (clock.monotonic() >= this.#sweepAt) {
        this.#sweepAt = clock.monotonic() + sweepInterval;
        this.#shims.sweepSockets().catch((error: unknown) => logger.warn("sockets of shims that were killed were not removed", { error }));
      }
      this.#supervise();
    });
  }

  async #serving(signal: AbortSignal): Promise<void> {
    const { paths, clock } = this.#options;
    const deadline = clock.monotonic() + 30_000;
    while (!(await accepts(paths.containerdSocket))) {
      signal.throwIfAborted();
      if (!this.#process || !isAlive(this.#process) || clock.monotonic() > deadline)
        throw new Error(`containerd does not start: see ${join(paths.logs, "containerd.log")}`);
      await clock.sleep(20, signal);
    }
    // The socket is there before the pods of an earlier run are taken over; until then every call is refused.
    await using cri = connectCri(paths.containerdSocket, clock);
    for (;;) {
      try {
        await cri.call("Status", {});
        return;
      } catch (error) {
        signal.throwIfAborted();
        if (!this.#process || !isAlive(this.#process) || clock.monotonic() > deadline)
          throw new Error(`containerd does not serve (${(error as Error).message}): see ${join(paths.logs, "containerd.log")}`);
        await clock.sleep(20, signal);
      }
    }
  }

  /** Stops looking after it; containerd and the containers go on. */
  [Symbol.dispose](): void {
    this.#stopping = true;
    this.#watch?.cancel();
    this.#forgotten?.cancel();
  }
}

/** The containerd that was started with this configuration. */
export function runningContainerd(configFile: string): ProcessIdentity | undefined {
  const pid = allPids().find((one) => {
    const words = commandLine(one);
    return words[0]?.endsWith("containerd") && words[words.indexOf("--config") + 1] === configFile;
  });
  return pid === undefined ? undefined : identify(pid);
}

interface SandboxInfo {
  runtimeSpec?: { linux?: { namespaces?: { type: string; path?: string }[] } };
}
/** Of what containerd tells of a sandbox beyond its status. */
const namespacesIn = (info = "{}") => (JSON.parse(info) as SandboxInfo).runtimeSpec?.linux?.namespaces ?? [];

function accepts(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket);
    connection.on("connect", () => {
      connection.destroy();
      resolve(true);
    });
    connection.on("error", () => resolve(false));
  });
}
