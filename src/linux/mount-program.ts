/** What mount(8), mkfs and fsck of the machine are needed for: options in words, file systems with helpers of their own, new file systems. */
import { access, constants } from "node:fs/promises";
import { CommandError, run } from "./command.ts";

export interface ProgramMount {
  source: string;
  target: string;
  /** Empty: as the source is. */
  type: string;
  options: readonly string[];
}

/** Runs mount(8). Rejects with what it says, in upstream's form (k8s.io/mount-utils). */
export async function mountByProgram({ source, target, type, options }: ProgramMount, signal?: AbortSignal): Promise<void> {
  const args = [...(type ? ["-t", type] : []), ...(options.length ? ["-o", options.join(",")] : []), source, target];
  try {
    await run("mount", args, signal ? { signal } : {});
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const why = error.status === undefined ? "could not be started" : `exit status ${error.status}`;
    throw new Error(`mount failed: ${why}\nMounting command: mount\nMounting arguments: ${args.join(" ")}\nOutput: ${error.stderr}`, { cause: error });
  }
}

const programDirectories = ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin"];

/** Where a program of the machine is. */
export async function findProgram(name: string): Promise<string | undefined> {
  for (const directory of new Set([...(process.env.PATH ?? "").split(":").filter(Boolean), ...programDirectories])) {
    const path = `${directory}/${name}`;
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  return undefined;
}

/** What is on a block device: the type of its file system, `unknown data, probably partitions`, or empty. */
export async function filesystemOf(device: string): Promise<string> {
  try {
    const output = await run("blkid", ["-p", "-s", "TYPE", "-s", "PTTYPE", "-o", "export", device]);
    const values = new Map(output.split("\n").map((line) => line.split("=", 2) as [string, string]));
    if (values.get("PTTYPE")) return "unknown data, probably partitions";
    return values.get("TYPE") ?? "";
  } catch (error) {
    // blkid ends so for a device without anything that it knows.
    if (error instanceof CommandError && error.status === 2) return "";
    throw error;
  }
}

const fsckCorrected = 1;
const fsckUncorrected = 4;

async function check(device: string): Promise<void> {
  try {
    await run("fsck", ["-a", device]);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    if (error.status === fsckCorrected || error.status === undefined) return;
    if (error.status === fsckUncorrected) throw new Error(`'fsck' found errors on device ${device} but could not correct them: ${error.stderr}`);
  }
}

/**
 * Mounts a block device, after making a file system on it where it holds nothing. What it holds is never overwritten. Rejects
 * with upstream's text when it holds something else than `type`.
 */
export async function formatAndMount({ source, target, type, options }: ProgramMount): Promise<void> {
  const readOnly = options.includes("ro");
  const found = await filesystemOf(source);
  if (!found && readOnly) throw new Error(`cannot mount unformatted disk ${source} as we are manipulating it in read-only mode`);
  if (!found) await run(`mkfs.${type}`, [...(type.startsWith("ext") ? ["-F", "-m0"] : type === "xfs" ? ["-f"] : []), source]);
  else if (!readOnly) await check(source);
  try {
    await mountByProgram({ source, target, type, options: ["defaults", ...options] });
  } catch (error) {
    if (!found || found === type) throw error;
    throw new Error(`failed to mount the volume as ${JSON.stringify(type)}, it already contains ${found}. Mount error: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
