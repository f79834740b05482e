/** Processes by identity: a pid alone may have been given to somebody else. */
import { readdirSync, readFileSync } from "node:fs";

/** A process for as long as the machine runs: pid and start time in clock ticks since boot. */
export interface ProcessIdentity {
  pid: number;
  started: string;
}

function statFields(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the name in parentheses and may itself hold spaces and parentheses.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

export function identify(pid: number): ProcessIdentity | undefined {
  const fields = statFields(pid);
  return fields ? { pid, started: fields[19] as string } : undefined;
}

/** Still the same process, and not a zombie. */
export function isAlive(identity: ProcessIdentity): boolean {
  const fields = statFields(identity.pid);
  return fields !== undefined && fields[19] === identity.started && fields[0] !== "Z";
}

/** Sends the signal if the process is still that one; tells whether it was. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isAlive(identity)) return false;
  try {
    process.kill(identity.pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}

/** Direct children of a process. */
export function childrenOf(pid: number): number[] {
  return allPids().filter((p) => Number(statFields(p)?.[1]) === pid);
}

/** The processes themselves and all below them, parents first. */
export function withDescendants(roots: number[]): number[] {
  const children = Map.groupBy(allPids(), (pid) => Number(statFields(pid)?.[1] ?? 0));
  const all: number[] = [];
  for (const queue = [...roots]; queue.length; ) {
    const pid = queue.shift() as number;
    all.push(pid);
    queue.push(...(children.get(pid) ?? []));
  }
  return all;
}

export function allPids(): number[] {
  return readdirSync("/proc").map(Number).filter(Number.isInteger);
}

/** Arguments of a process; empty when it is gone or a kernel thread. */
export function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
  } catch {
    return [];
  }
}
