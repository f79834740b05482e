/** Keeps logs of running containers from growing without bound (upstream's pkg/kubelet/logs/container_log_manager.go). */
import { createReadStream, createWriteStream } from "node:fs";
import { readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { CriClient } from "../cri/client.ts";

export interface LogRotationOptions {
  cri: CriClient;
  clock: Clock;
  maxSize: number;
  /** The current file included. */
  maxFiles: number;
  /** Logs at the same time. */
  workers: number;
  logger: Logger;
}

/** `20261121-100000` */
const stamp = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace(/[-:]/g, "").replace("T", "-");

export class LogRotation {
  readonly #options: LogRotationOptions;
  constructor(options: LogRotationOptions) {
    this.#options = options;
  }
  /** All of them, as many at a time as there are workers; what fails with one is told and keeps no other. */
  async checkAll(logs: Iterable<{ id: string; path: string }>): Promise<void> {
    const queue = [...logs];
    const work = async (): Promise<void> => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        const { id, path } = next;
        await this.check(id, path).catch((error) => this.#options.logger.warn("could not rotate a log", { containerID: id, path, error }));
      }
    };
    await Promise.all(Array.from({ length: this.#options.workers }, work));
  }
  /** Rotates the log of a running container if it is too large. Rejects what the file system or the runtime says. */
  async check(containerId: string, path: string): Promise<void> {
    const { maxSize, maxFiles, cri, clock } = this.#options;
    const size = await this.#size(containerId, path);
    if (size < maxSize) return;
    const rotated = await this.#rotated(path);
    // Of the old files, as many stay as fit beside the current one and the one it becomes.
    const excess = rotated.slice(0, Math.max(0, rotated.length - (maxFiles - 2)));
    for (const name of excess) await rm(name, { force: true });
    for (const name of rotated.slice(excess.length)) if (!name.endsWith(".gz")) await this.#compress(name);
    const target = `${path}.${stamp(clock.now())}`;
    await rename(path, target);
    try {
      await cri.call("ReopenContainerLog", { containerId });
    } catch (error) {
      await rename(target, path);
      throw error;
    }
  }
  /** A log that somebody took away is made again by the runtime. */
  async #size(containerId: string, path: string): Promise<number> {
    try {
      return (await stat(path)).size;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      await this.#options.cri.call("ReopenContainerLog", { containerId });
      return (await stat(path)).size;
    }
  }
  /** Oldest first. What an earlier compression left half done goes. */
  async #rotated(path: string): Promise<string[]> {
    const directory = dirname(path);
    const prefix = `${basename(path)}.`;
    const names = (await readdir(directory)).filter((name) => name.startsWith(prefix));
    const unused = (name: string): boolean => name.endsWith(".tmp") || (name.endsWith(".gz") && names.includes(name.slice(0, -".gz".length)));
    for (const name of names) if (unused(name)) await rm(`${directory}/${name}`, { force: true });
    return names
      .filter((name) => !unused(name))
      .sort()
      .map((name) => `${directory}/${name}`);
  }
  async #compress(path: string): Promise<void> {
    await pipeline(createReadStream(path), createGzip(), createWriteStream(`${path}.tmp`));
    await rename(`${path}.tmp`, `${path}.gz`);
    await rm(path, { force: true });
  }
}
