/**
 * A private containerd: own root, state and socket under the data directory, found on the machine or installed from the
 * distribution's packages. Containers outlive it: their shims go on, and a new containerd takes them over.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import { writeFileAtomic } from "./files.ts";
import { pauseImageName } from "./images/pause.ts";
import { which } from "./packages.ts";
import type { Paths } from "./paths.ts";

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

export class Containerd {
  readonly #options: ContainerdOptions;
  #child: ChildProcess | undefined;
  #stopping = false;
  constructor(options: ContainerdOptions) {
    this.#options = options;
  }

  /** Resolves when it serves; restarts it whenever it ends, until dispose. Rejects with one sentence when it will not start. */
  async start(signal: AbortSignal): Promise<void> {
    const { paths, cniBinDirectory } = this.#options;
    for (const directory of [paths.containerd, join(paths.containerd, "hosts"), join(paths.cni, "net.d"), paths.run]) mkdirSync(directory, { recursive: true, mode: 0o711 });
    writeFileAtomic(join(paths.containerd, "config.toml"), config(paths, cniBinDirectory));
    this.#spawn();
    await this.#serving(signal);
  }

  #spawn(): void {
    const { paths, logger, clock } = this.#options;
    const program = which("containerd");
    if (!program) throw new Error("containerd is not installed: apt-get install containerd");
    if (existsSync(paths.containerdSocket)) rmSync(paths.containerdSocket);
    const log = openSync(join(paths.logs, "containerd.log"), "a");
    const started = clock.monotonic();
    const child = spawn(program, ["--config", join(paths.containerd, "config.toml")], { stdio: ["ignore", log, log], env: { ...process.env, PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin` } });
    this.#child = child;
    child.on("exit", (code, killedBy) => {
      if (this.#stopping) return;
      logger.warn("containerd ended; starting it again", { code, signal: killedBy });
      // One that dies at once would otherwise be started in a tight loop.
      clock.after(clock.monotonic() - started < 1000 ? 1000 : 0, () => this.#stopping || this.#spawn());
    });
    child.on("error", (error) => logger.error("containerd could not be started", { error }));
  }

  async #serving(signal: AbortSignal): Promise<void> {
    const { paths, clock } = this.#options;
    const deadline = clock.monotonic() + 30_000;
    while (!(await accepts(paths.containerdSocket))) {
      signal.throwIfAborted();
      if (clock.monotonic() > deadline) throw new Error(`containerd does not serve ${paths.containerdSocket}: see ${join(paths.logs, "containerd.log")}`);
      await clock.sleep(20, signal);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await ended;
  }
}

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
