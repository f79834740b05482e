/** The two schedulers that are compared, as processes of their own, against either API server. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../src/base/clock.ts";
import { kubeconfig } from "../src/distro/identities.ts";
import type { PKI } from "../src/distro/pki.ts";
import { root } from "./machine.ts";
import { end, environment } from "./servers.ts";

export interface SchedulerProcess extends AsyncDisposable {
  readonly pid: number;
}

export interface SchedulerProcessOptions {
  directory: string;
  pki: PKI;
  /** URL of the API server. */
  server: string;
  port: number;
  bin: string;
  profile?: string;
}

/** How long a scheduler gets to fill its caches, milliseconds. */
const startTime = 1500;

/**
 * kube-scheduler without its client's limits of 50 requests a second, as upstream's own scheduler_perf runs it: with them it
 * binds 50 pods a second at most.
 */
export function startPeerScheduler(options: SchedulerProcessOptions): Promise<SchedulerProcess> {
  const { directory, bin } = options;
  mkdirSync(directory, { recursive: true });
  const config = join(directory, "scheduler.yaml");
  const clientConnection = { kubeconfig: writeKubeconfig(options), qps: 5000, burst: 5000 };
  const leaderElection = { leaderElect: false };
  writeFileSync(config, JSON.stringify({ apiVersion: "kubescheduler.config.k8s.io/v1", kind: "KubeSchedulerConfiguration", clientConnection, leaderElection }));
  return start(options, join(bin, "kube-scheduler"), [`--config=${config}`, "--authentication-skip-lookup=true"]);
}

export function startOurScheduler(options: SchedulerProcessOptions): Promise<SchedulerProcess> {
  mkdirSync(options.directory, { recursive: true });
  return start(options, join(root, "k8ts"), ["scheduler", `--kubeconfig=${writeKubeconfig(options)}`, "--leader-elect=false"]);
}

function writeKubeconfig({ directory, pki, server }: SchedulerProcessOptions): string {
  const file = join(directory, "scheduler.conf");
  writeFileSync(file, kubeconfig(pki, "scheduler", server), { mode: 0o600 });
  return file;
}

async function start({ directory, port, profile }: SchedulerProcessOptions, program: string, args: string[]): Promise<SchedulerProcess> {
  const file = join(directory, "scheduler.log");
  const log = openSync(file, "w");
  const child: ChildProcess = spawn(program, [...args, `--secure-port=${port}`, "--bind-address=127.0.0.1"], {
    stdio: ["ignore", log, log],
    env: environment(profile),
  });
  closeSync(log);
  await systemClock.sleep(startTime);
  if (child.exitCode !== null) throw new Error(`${program} ended: ${readFileSync(file, "utf8").slice(-2000)}`);
  return { pid: child.pid as number, [Symbol.asyncDispose]: () => end(child) };
}
