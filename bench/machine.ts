/** What a number is worth depends on: machine, commit, date. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";

export const root = join(import.meta.dirname, "..");

/** One line for the head of every report. */
export function describeMachine(): string {
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root, encoding: "utf8" }).trim();
  const changed = execFileSync("git", ["status", "--porcelain", "--untracked-files=no", "src"], { cwd: root, encoding: "utf8" }).trim();
  const date = new Date().toISOString().slice(0, 16).replace("T", " ");
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  return `${date} UTC, commit ${commit}${changed ? " and changes that are not committed" : ""}, ${availableParallelism()} cores (${cpus()[0]?.model.trim()}), ${memory}, Linux ${release()}, Node ${process.versions.node}, load ${loadavg()[0]?.toFixed(1)} at the start`;
}

/** Clock ticks in a second: USER_HZ, which Linux fixes at 100 for what it shows in /proc. */
const ticks = 100;

/** User and system time so far, in seconds. Processes that have ended meanwhile count as nothing. */
export const cpuSeconds = (pid: number): number => ticksIn(pid, [11, 12]) / ticks;

/** The same with the processes that it started, waited for, and that have ended. */
export const cpuSecondsWithEnded = (pid: number): number => ticksIn(pid, [11, 12, 13, 14]) / ticks;

/** `fields`: of proc_pid_stat(5), counted from the state. */
function ticksIn(pid: number, fields: readonly number[]): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const values = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields.reduce((sum, field) => sum + Number(values[field]), 0);
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return 0;
    throw error;
  }
}

/** Proportional set size in MiB: pages that several processes share are divided among them. */
export function pssMiB(pid: number): number {
  try {
    return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? 0) / 1024;
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return 0;
    throw error;
  }
}
