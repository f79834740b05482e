/** The two simulated clusters that are compared: ours in one process, upstream's control plane with kwok. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../src/base/clock.ts";
import type { Client } from "../src/client/client.ts";
import { readAdminClient } from "../src/distro/admin-client.ts";
import { kubeconfig } from "../src/distro/identities.ts";
import { cluster } from "./cluster.ts";
import { end, makePKI, startPeer } from "./servers.ts";

export interface Simulated extends AsyncDisposable {
  readonly client: Client;
  readonly pids: readonly number[];
  /** Milliseconds that the event loop was held up since the last call; undefined where there is none. */
  loopDelay(): Promise<{ p50: number; p99: number; max: number } | undefined>;
}

export interface SimulatedOptions {
  directory: string;
  /** The first of six that are free. */
  port: number;
  /** Where the programs of conformance/build.ts lie; what they were built from lies beside it, in mod/. */
  bin: string;
  /** Where V8's CPU profile of ours goes. */
  profile?: string;
}

const clock = systemClock;

export async function startOurs({ directory, port, profile }: SimulatedOptions): Promise<Simulated> {
  const delays = join(directory, "loop-delay");
  mkdirSync(directory, { recursive: true });
  process.env.K8TS_LOOP_DELAY = delays;
  const profiling = profile ? ` --cpu-prof --cpu-prof-dir=${profile}` : "";
  process.env.NODE_OPTIONS = `--import=${join(import.meta.dirname, "loop-delay.mjs")}${profiling}`;
  const ours = cluster(join(directory, "data"), String(port));
  try {
    await ours.k8ts("up", "--simulate");
  } finally {
    delete process.env.NODE_OPTIONS;
  }
  const pids = ours.pids().k8ts.filter((pid) => readlinkSync(`/proc/${pid}/exe`).endsWith("/node"));
  const client = ours.client();
  return {
    client,
    pids,
    async loopDelay() {
      const file = `${delays}.${pids[0]}`;
      rmSync(file, { force: true });
      process.kill(pids[0] as number, "SIGUSR2");
      for (let tries = 0; tries < 500; tries++) {
        await clock.sleep(20);
        const text = readIfThere(file);
        if (text) return JSON.parse(text) as { p50: number; p99: number; max: number };
      }
      throw new Error("the server does not answer SIGUSR2");
    },
    async [Symbol.asyncDispose]() {
      await client.transport[Symbol.asyncDispose]();
      await ours[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** kube-apiserver, etcd, kube-controller-manager and kube-scheduler without limits of requests, as kwokctl starts them with --disable-qps-limits, and kwok. */
export async function startKwok({ directory, port, bin }: SimulatedOptions): Promise<Simulated> {
  const pki = await makePKI(join(directory, "pki"));
  const server = await startPeer({ directory: join(directory, "server"), pki, port, bin });
  const children: ChildProcess[] = [];
  const run = (program: string, args: string[]): void => {
    const log = openSync(join(directory, `${program}.log`), "w");
    children.push(spawn(join(bin, program), args, { stdio: ["ignore", log, log] }));
    closeSync(log);
  };
  const config = async (file: string, commonName: string): Promise<string> => {
    await pki.ensure({ file, commonName, ca: "ca", usages: ["client"] });
    return writeConfig(file);
  };
  const writeConfig = (file: string): string => {
    const path = join(directory, `${file}.conf`);
    writeFileSync(path, kubeconfig(pki, file, server.url), { mode: 0o600 });
    return path;
  };
  const unlimited = ["--kube-api-qps=5000", "--kube-api-burst=10000", "--leader-elect=false", "--bind-address=127.0.0.1"];
  const manager = await config("manager", "system:kube-controller-manager");
  run("kube-controller-manager", [
    `--kubeconfig=${manager}`,
    ...unlimited,
    "--authentication-skip-lookup=true",
    `--secure-port=${port + 3}`,
    `--root-ca-file=${pki.certificatePath("ca")}`,
    `--service-account-private-key-file=${pki.keyPath("sa")}`,
    "--use-service-account-credentials=true",
  ]);
  const scheduler = await config("scheduler", "system:kube-scheduler");
  run("kube-scheduler", [`--kubeconfig=${scheduler}`, ...unlimited, "--authentication-skip-lookup=true", `--secure-port=${port + 4}`]);
  const admin = writeConfig("admin");
  run("kwok", [
    `--kubeconfig=${admin}`,
    `--config=${stages(directory, bin)}`,
    "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
    "--node-lease-duration-seconds=40",
    "--node-ip=10.0.0.1",
    "--cidr=10.128.0.0/9",
    `--server-address=127.0.0.1:${port + 5}`,
  ]);
  await clock.sleep(5_000);
  const dead = children.find((child) => child.exitCode !== null);
  if (dead) throw new Error(`${dead.spawnfile} ended with ${dead.exitCode}: see ${directory}`);
  const client = readAdminClient(admin, clock);
  return {
    client,
    pids: [...server.pids, ...children.map((child) => child.pid as number)],
    loopDelay: async () => undefined,
    async [Symbol.asyncDispose]() {
      await client.transport[Symbol.asyncDispose]();
      for (const child of children.toReversed()) await end(child);
      await server[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** kwok's own fast stages (kustomize/stage/fast), in one file. */
function stages(directory: string, bin: string): string {
  const { stdout, status } = spawnSync("go", ["list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kwok"], { cwd: join(bin, "../mod/kwok"), encoding: "utf8" });
  if (status !== 0) throw new Error("kwok's module is not there: node conformance/build.ts --only kwok");
  const files = [
    "node/fast/node-initialize",
    "node/heartbeat-with-lease/node-heartbeat-with-lease",
    "pod/fast/pod-ready",
    "pod/fast/pod-complete",
    "pod/fast/pod-delete",
  ];
  const path = join(directory, "stages.yaml");
  writeFileSync(path, files.map((file) => readFileSync(join(stdout.trim(), "kustomize/stage", `${file}.yaml`), "utf8")).join("\n---\n"));
  return path;
}
