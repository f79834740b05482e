/** `k8ts down` stops everything and keeps the data; `k8ts reset` also gives the machine back as it was before `up`. */
import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../base/clock.ts";
import { run } from "../linux/command.ts";
import { allPids, commandLine, identify, withDescendants } from "../linux/process.ts";
import { UsageError } from "./commands/options.ts";
import { endProcesses, stopDaemon } from "./daemon.ts";
import { readIdentity } from "./files.ts";
import { Journal, journalFile } from "./journal.ts";
import { lockCluster } from "./lock.ts";
import { processesInCgroups, restoreMachine } from "./machine.ts";
import { type Paths, pathsOf } from "./paths.ts";
import { Progress } from "./progress.ts";

const clock = systemClock;

export async function down(dataDir: string): Promise<void> {
  const paths = pathsOf(dataDir);
  if (!existsSync(join(paths.data, "settings.json"))) throw new UsageError(`no cluster in ${dataDir}`);
  using _lock = lockCluster(paths, "down");
  await stopAll(paths, new Progress(process.stdout, clock));
}

export async function reset(dataDir: string): Promise<void> {
  const paths = pathsOf(dataDir);
  const progress = new Progress(process.stdout, clock);
  if (!existsSync(paths.data)) return progress.line(`nothing to reset: ${dataDir} does not exist`);
  if (readdirSync(paths.data).length === 0) return removeEmpty(paths.data, progress);
  if (!existsSync(join(paths.data, "settings.json")))
    throw new UsageError(`${dataDir} is not a cluster's data directory: it has no settings.json, so nothing was deleted`);
  using _lock = lockCluster(paths, "reset");
  await stopAll(paths, progress);
  const journal = new Journal(journalFile(paths));
  await progress.step("machine", (note) => {
    note(journal.record.packages.length ? `distribution packages stay: ${journal.record.packages.join(", ")}` : "as before");
    return restoreMachine(journal);
  });
  await progress.step("data", (note) => {
    note(`${paths.data} deleted`);
    // By its settings a directory is known as ours: they go last, so that a reset that was interrupted can be repeated.
    for (const entry of readdirSync(paths.data)) if (entry !== "settings.json") rmSync(join(paths.data, entry), { recursive: true, force: true });
    rmSync(paths.data, { recursive: true, force: true });
  });
}

/** What an `up` that was killed at its first step leaves. */
function removeEmpty(directory: string, progress: Progress): void {
  rmdirSync(directory);
  progress.line(`nothing to reset: ${directory} was empty`);
}

/** Server, agent, containerd and every container; the data stay. */
export async function stopAll(paths: Paths, progress: Progress): Promise<void> {
  for (const name of ["agent", "server"]) {
    await progress.step(name, async (note) => note((await stopDaemon(paths, name, clock)) ? "stopped" : "was not running"));
  }
  await progress.step("containers", async (note) => {
    const shims = shimsOf(paths);
    const containerd = readIdentity(join(paths.run, "containerd.json"));
    note(`${shims.length} pod sandboxes stopped`);
    if (containerd) await endProcesses([containerd], clock);
    await endProcesses(
      withDescendants([...shims, ...processesInCgroups(new Journal(journalFile(paths)))]).flatMap((pid) => identify(pid) ?? []),
      clock,
      "SIGKILL",
    );
    rmSync(join(paths.run, "containerd.json"), { force: true });
    await unmountUnder(paths.data);
    rmSync(join(paths.run, "runc"), { recursive: true, force: true });
    rmSync(paths.containerdState, { recursive: true, force: true });
  });
}

/** containerd's shims carry the address of the containerd that they belong to. */
const shimsOf = (paths: Paths): number[] =>
  allPids().filter((pid) => /containerd-shim/.test(commandLine(pid)[0] ?? "") && commandLine(pid).includes(paths.containerdSocket));

/** Innermost first. */
async function unmountUnder(directory: string): Promise<void> {
  const points = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => (line.split(" ")[1] ?? "").replaceAll("\\040", " "))
    .filter((point) => point.startsWith(`${directory}/`));
  for (const point of points.reverse()) await run("umount", ["--lazy", point]);
}
