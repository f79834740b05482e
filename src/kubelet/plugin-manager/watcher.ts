/** Sockets below a directory, as they come, go and are replaced (pkg/kubelet/pluginmanager/pluginwatcher). */
import { type FSWatcher, watch } from "node:fs";
import { lstat, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "../../base/logger.ts";

export interface SocketWatcherOptions {
  directory: string;
  logger: Logger;
  /** Also for a socket that was there before, and again for one that took another's place under the same path. */
  onAdded(path: string): void;
  onRemoved(path: string): void;
}

/** Names that begin with a dot, and what is no socket, are passed over. Directories are followed, links are not. */
export class SocketWatcher {
  readonly #options: SocketWatcherOptions;
  readonly #watches = new Map<string, FSWatcher>();
  /** Path to what tells one socket from the next under the same path. */
  readonly #sockets = new Map<string, string>();
  #scan: Promise<void> = Promise.resolve();
  #asked = false;
  #stopped = false;

  constructor(options: SocketWatcherOptions) {
    this.#options = options;
  }
  /** Makes the directory where it is missing; resolves when those that are there have been reported. */
  async start(): Promise<void> {
    await mkdir(this.#options.directory, { recursive: true, mode: 0o755 });
    await this.#look();
  }
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    for (const watcher of this.#watches.values()) watcher.close();
    await this.#scan;
  }
  /** One scan at a time, and one more for what happens meanwhile. */
  #look(): Promise<void> {
    if (this.#asked) return this.#scan;
    this.#asked = true;
    this.#scan = this.#scan.then(async () => {
      this.#asked = false;
      if (!this.#stopped) await this.#compare();
    });
    return this.#scan;
  }
  async #compare(): Promise<void> {
    const sockets = new Map<string, string>();
    const directories = new Set<string>();
    await this.#walk(this.#options.directory, sockets, directories);
    if (this.#stopped) return;
    for (const [path, watcher] of this.#watches) {
      if (directories.has(path)) continue;
      watcher.close();
      this.#watches.delete(path);
    }
    for (const path of this.#sockets.keys()) {
      if (sockets.has(path)) continue;
      this.#sockets.delete(path);
      this.#options.onRemoved(path);
    }
    for (const [path, identity] of sockets) {
      if (this.#sockets.get(path) === identity) continue;
      this.#sockets.set(path, identity);
      this.#options.onAdded(path);
    }
  }
  /** A directory is watched before it is read, so that nothing falls between. */
  async #walk(directory: string, sockets: Map<string, string>, directories: Set<string>): Promise<void> {
    try {
      if (!this.#watches.has(directory)) this.#watch(directory);
      directories.add(directory);
      for (const entry of await readdir(directory, { withFileTypes: true })) {
        if (entry.name.startsWith(".")) continue;
        const path = join(directory, entry.name);
        if (entry.isDirectory()) await this.#walk(path, sockets, directories);
        else if (entry.isSocket()) {
          const { ino, birthtimeMs } = await lstat(path);
          sockets.set(path, `${ino}/${birthtimeMs}`);
        }
      }
    } catch (error) {
      // What went away between two looks is reported by the next event.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") this.#options.logger.warn("could not look for plugins", { directory, error });
    }
  }
  #watch(directory: string): void {
    const watcher = watch(directory, { persistent: false }, () => void this.#look());
    watcher.on("error", () => void this.#look());
    this.#watches.set(directory, watcher);
  }
}
