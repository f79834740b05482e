/** Files that processes have open, and the limits of a process, as /proc shows them. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

const gone = new Set(["ENOENT", "ESRCH", "EACCES"]);

/** What does not exist any more counts for nothing. */
export function openFiles(pids: readonly number[]): { files: number; sockets: number } {
  const counted = { files: 0, sockets: 0 };
  for (const pid of pids) {
    try {
      for (const descriptor of readdirSync(`/proc/${pid}/fd`)) {
        counted.files++;
        if (isSocket(`/proc/${pid}/fd/${descriptor}`)) counted.sockets++;
      }
    } catch (error) {
      if (!gone.has((error as NodeJS.ErrnoException).code ?? "")) throw error;
    }
  }
  return counted;
}

function isSocket(path: string): boolean {
  try {
    return readlinkSync(path).startsWith("socket:");
  } catch (error) {
    if (gone.has((error as NodeJS.ErrnoException).code ?? "")) return false;
    throw error;
  }
}

/** Soft bound of open files; -1: none, undefined: the process is gone. */
export function openFilesLimit(pid: number): number | undefined {
  try {
    const limit = /^Max open files\s+(\S+)/m.exec(readFileSync(`/proc/${pid}/limits`, "utf8"))?.[1];
    return limit === undefined ? undefined : limit === "unlimited" ? -1 : Number(limit);
  } catch (error) {
    if (gone.has((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}
