/** Files that are whole or absent. */
import { closeSync, fsyncSync, lstatSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import type { ProcessIdentity } from "../linux/process.ts";

/** Throws one sentence for what no file may take the place of: root can rename one over a device such as /dev/null. */
export function assertReplaceable(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found && !found.isFile() && !found.isSymbolicLink()) throw new Error(`${path} is not a regular file: name another`);
}

/** Replaces the file in one step: written beside its place, flushed, renamed. A write that fails leaves the file as it was. */
export function writeFileAtomic(path: string, content: string | Uint8Array, mode = 0o644): void {
  assertReplaceable(path);
  const beside = `${path}.tmp-${process.pid}`;
  try {
    writeFlushed(beside, typeof content === "string" ? Buffer.from(content) : content, mode);
    renameSync(beside, path);
  } catch (error) {
    rmSync(beside, { force: true });
    if ((error as NodeJS.ErrnoException).code === "ENOSPC") throw new Error(`${path} could not be written: no space left on its disk`);
    throw error;
  }
}

function writeFlushed(path: string, bytes: Uint8Array, mode: number): void {
  const fd = openSync(path, "w", mode);
  try {
    let at = 0;
    while (at < bytes.length) at += writeSync(fd, bytes, at);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** The object in a JSON file of ours; undefined when there is none. Throws one sentence for anything else in it. */
export function readJsonFile<T extends object>(path: string): T | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`${path} is damaged (${(error as Error).message}): put back a copy of it, or delete the cluster's data directory`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error(`${path} is damaged (it holds no JSON object): put back a copy of it, or delete the cluster's data directory`);
  return value as T;
}

/** What a directory holds; nothing where there is none. */
export function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** The process a pid file names; undefined when there is none, or when it names none: then there is nothing to stop. */
export function readIdentity(path: string): ProcessIdentity | undefined {
  try {
    const identity = JSON.parse(readFileSync(path, "utf8")) as Partial<ProcessIdentity> | null;
    return typeof identity?.pid === "number" && typeof identity.started === "string" ? { pid: identity.pid, started: identity.started } : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT" || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
