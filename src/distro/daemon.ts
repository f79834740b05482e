/**
 * The server and the agent as processes in the background. A shell loop of a few lines stands over each and starts it
 * again when it is killed or crashes; status 0 (asked to stop) and 78 (its configuration is wrong) end the loop.
 */
import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Clock } from "../base/clock.ts";
import { childrenOf, identify, isAlive, type ProcessIdentity, signalProcess } from "../linux/process.ts";
import { UsageError } from "./commands/options.ts";
import { readIdentity, writeFileAtomic } from "./files.ts";
import type { Paths } from "./paths.ts";

/** sysexits.h EX_CONFIG: starting it again would not help. */
export const exitConfiguration = 78;

const loop = `while :; do "$@"; status=$?; case $status in 0|${exitConfiguration}) exit $status;; esac; sleep 0.2; done`;

export interface Daemon {
  name: string;
  supervisor: ProcessIdentity;
}

const pidFile = (paths: Paths, name: string): string => join(paths.run, `${name}.json`);
export const logFile = (paths: Paths, name: string): string => join(paths.logs, `${name}.log`);

/** The running one, or undefined. */
export function findDaemon(paths: Paths, name: string): Daemon | undefined {
  const supervisor = readIdentity(pidFile(paths, name));
  return supervisor && isAlive(supervisor) ? { name, supervisor } : undefined;
}

/** Arguments that run this very program again; of V8's flags the last one counts. */
const ownCommand = (flags: readonly string[]): string[] => [
  process.execPath,
  ...process.execArgv,
  ...flags,
  fileURLToPath(import.meta.url).endsWith(".ts") ? join(import.meta.dirname, "main.ts") : (process.argv[1] as string),
];

const startedFile = (paths: Paths, name: string): string => join(paths.run, `${name}.started`);

/**
 * The work of a daemon; it calls `started` when it has begun to serve. An error before that, in a daemon that never has,
 * ends the loop: a person is waiting for the reason. Later ones pass (a runtime that was killed at the same moment), so the
 * loop goes on.
 */
export async function runDaemon(paths: Paths, name: string, work: (started: () => void) => Promise<void>): Promise<void> {
  const file = startedFile(paths, name);
  try {
    await work(() => {
      mkdirSync(paths.run, { recursive: true, mode: 0o711 });
      writeFileSync(file, "");
    });
  } catch (error) {
    throw existsSync(file) ? new UsageError((error as Error).message, 1) : error;
  }
}

/** `flags` are Node's own. */
export function startDaemon(paths: Paths, name: string, args: string[], flags: readonly string[] = []): Daemon {
  for (const directory of [paths.run, paths.logs]) mkdirSync(directory, { recursive: true, mode: 0o711 });
  rmSync(startedFile(paths, name), { force: true });
  const log = openSync(logFile(paths, name), "a", 0o600);
  const child = spawn("/bin/sh", ["-c", loop, `k8ts-${name}`, ...ownCommand(flags), ...args], { detached: true, stdio: ["ignore", log, log], cwd: "/" });
  closeSync(log);
  child.unref();
  const supervisor = child.pid === undefined ? undefined : identify(child.pid);
  if (!supervisor) throw new Error(`the ${name} could not be started`);
  writeFileAtomic(pidFile(paths, name), JSON.stringify(supervisor), 0o600);
  return { name, supervisor };
}

/** Process ids of the daemon proper (not of its loop). */
export const daemonPids = (daemon: Daemon): number[] => childrenOf(daemon.supervisor.pid);

/** Ends the loop and then the process: SIGTERM, and SIGKILL after 15 s. */
export async function stopDaemon(paths: Paths, name: string, clock: Clock): Promise<boolean> {
  const supervisor = readIdentity(pidFile(paths, name));
  if (!supervisor) return false;
  const children = isAlive(supervisor) ? childrenOf(supervisor.pid).flatMap((pid) => identify(pid) ?? []) : [];
  signalProcess(supervisor, "SIGKILL");
  await endProcesses(children, clock);
  rmSync(pidFile(paths, name), { force: true });
  return true;
}

/** The first signal to all, SIGKILL after 15 s to what is left; resolves when none is. */
export async function endProcesses(processes: ProcessIdentity[], clock: Clock, first: NodeJS.Signals = "SIGTERM"): Promise<void> {
  for (const process of processes) signalProcess(process, first);
  const deadline = clock.monotonic() + 15_000;
  while (processes.some(isAlive)) {
    if (clock.monotonic() > deadline) for (const process of processes) signalProcess(process, "SIGKILL");
    await clock.sleep(20);
  }
}

/** The last line that a daemon wrote about an error, for people. */
export function lastError(paths: Paths, name: string): string {
  const lines = readFileSync(logFile(paths, name), "utf8").trim().split("\n");
  return lines.findLast((line) => / ERROR /.test(line) || line.startsWith("k8ts: ")) ?? lines.at(-1) ?? "";
}
