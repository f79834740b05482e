/** A real cluster of ours for measurements, in a data directory of its own. One can run on a machine at a time. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Client } from "../src/client/client.ts";
import { systemClock } from "../src/base/clock.ts";
import { readAdminClient } from "../src/distro/admin-client.ts";
import { daemonPids, findDaemon } from "../src/distro/daemon.ts";
import { kubeconfigPath, pathsOf } from "../src/distro/paths.ts";
import { allPids, commandLine, withDescendants } from "../src/linux/process.ts";
import { root } from "./machine.ts";

const runFile = promisify(execFile);
const clock = systemClock;

/** Of every pod that is measured; part of what conformance/build.ts --images makes. */
export const image = "registry.k8s.io/e2e-test-images/agnhost:2.63.0";

export interface Cluster extends AsyncDisposable {
  /** Runs `k8ts` with the arguments on this cluster. */
  k8ts(command: string, ...args: string[]): Promise<void>;
  client(): Client;
  pids(): { k8ts: number[]; runtime: number[] };
}

export function cluster(directory: string, port: string): Cluster {
  const paths = pathsOf(directory);
  const k8ts = async (command: string, ...args: string[]): Promise<void> => {
    const settings = command === "up" ? ["--port", port] : [];
    await runFile(join(root, "k8ts"), [...command.split(" "), "--data-dir", directory, ...settings, ...args], { maxBuffer: 1 << 26 });
  };
  return {
    k8ts,
    client: () => readAdminClient(kubeconfigPath(paths, "admin"), clock),
    pids() {
      const daemons = ["server", "agent"].flatMap((name) => findDaemon(paths, name) ?? []);
      const own = daemons.flatMap((daemon) => [daemon.supervisor.pid, ...daemonPids(daemon)]);
      const all = withDescendants(daemons.map(({ supervisor }) => supervisor.pid));
      const shims = allPids().filter((pid) => commandLine(pid).includes(paths.containerdSocket) && !own.includes(pid));
      return { k8ts: own, runtime: [...new Set([...all.filter((pid) => !own.includes(pid)), ...shims])] };
    },
    async [Symbol.asyncDispose]() {
      if (existsSync(join(directory, "settings.json"))) await k8ts("reset");
    },
  };
}

/** Resolves when no cluster of ours holds the machine's bridge; rejects after `seconds`. */
export async function machineFree(seconds: number): Promise<void> {
  const deadline = clock.monotonic() + seconds * 1000;
  while (existsSync("/sys/class/net/k8ts0")) {
    if (clock.monotonic() > deadline) throw new Error(`another cluster holds the bridge k8ts0 for more than ${seconds} s: \`k8ts down\` it first`);
    await clock.sleep(1000);
  }
}
