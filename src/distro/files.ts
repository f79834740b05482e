/** Files that are whole or absent. */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import type { ProcessIdentity } from "../linux/process.ts";

/** Replaces the file in one step: written beside its place, flushed, renamed. */
export function writeFileAtomic(path: string, content: string | Uint8Array, mode = 0o644): void {
  const beside = `${path}.tmp-${process.pid}`;
  const fd = openSync(beside, "w", mode);
  try {
    const bytes = typeof content === "string" ? Buffer.from(content) : content;
    let at = 0;
    while (at < bytes.length) at += writeSync(fd, bytes, at);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(beside, path);
}

/** The process a pid file names; undefined when there is none. */
export function readIdentity(path: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as ProcessIdentity;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
