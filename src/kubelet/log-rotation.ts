/** Keeps logs of running containers from growing without bound (upstream's pkg/kubelet/logs/container_log_manager.go). */
import { createReadStream, createWriteStream } from "node:fs";
import { readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { Clock } from "../base/clock.ts";
import type { CriClient } from "../cri/client.ts";

export interface LogRotationOptions {
  cri: CriClient;
  clock: Clock;
  maxSize: number;
  /** The current file included. */
  maxFiles: number;
}

/** `20261121-100000` */
const stamp = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace(/[-:]/g, "").replace("T", "-");

export class LogRotation {
  readonly #options: LogRotationOptions;
  constructor(options: LogRotationOptions) {
    this.#options = options;
  }
  /** Rotates the log of a running container if it is too large. Rejects what the file system or the runtime says. */
  async check(containerId: string, path: string): Promise<void> {
    const { maxSize, maxFiles, cri, clock } = this.#options;
    const size = await stat(path).then(
      (s) => s.size,
      (error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return 0;
        throw error;
      },
    );
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
  /** Oldest first. */
  async #rotated(path: string): Promise<string[]> {
    const prefix = `${basename(path)}.`;
    const names = await readdir(dirname(path));
    for (const name of names) if (name.startsWith(prefix) && name.endsWith(".tmp")) await rm(`${dirname(path)}/${name}`, { force: true });
    return names
      .filter((name) => name.startsWith(prefix) && !name.endsWith(".tmp"))
      .sort()
      .map((name) => `${dirname(path)}/${name}`);
  }
  async #compress(path: string): Promise<void> {
    await pipeline(createReadStream(path), createGzip(), createWriteStream(`${path}.tmp`));
    await rename(`${path}.tmp`, `${path}.gz`);
    await rm(path, { force: true });
  }
}
