/**
 * Static pods from a file or from the files of a directory, which is watched and read again now and then (upstream's
 * pkg/kubelet/config/file.go). Files whose names begin with a dot are not looked at, directories not descended into.
 */
import { type FSWatcher, watch } from "node:fs";
import { open, readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import type { Clock, Timer } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import { decodePods } from "./decode.ts";

export interface FileSourceOptions {
  path: string;
  nodeName: string;
  /** Milliseconds after which everything is read again. */
  interval: number;
  clock: Clock;
  logger: Logger;
  signal: AbortSignal;
  /** Everything that is there now. Called once at least, also where there is nothing. */
  onPods(pods: readonly Pod[]): void;
}

const maxBytes = 10 << 20;
/** Milliseconds in which several changes are one. */
const together = 100;
/** Milliseconds until a path that is not there is looked for again. */
const retry = 1000;

export class FileSource {
  readonly #options: FileSourceOptions;
  #watcher: FSWatcher | undefined;
  #timer: Timer | undefined;
  #changed: Timer | undefined;
  #reading: Promise<void> = Promise.resolve();
  /** The pod that a file held when it could last be read. */
  #known = new Map<string, Pod>();
  #isDirectory = false;
  /** What was last said of a file that cannot be used: it is said once. */
  readonly #said = new Map<string, string>();

  constructor(options: FileSourceOptions) {
    this.#options = { ...options, path: options.path.replace(/(.)\/+$/, "$1") };
    options.signal.addEventListener("abort", () => this.#close(), { once: true });
  }
  /** Resolves when everything was read once. */
  start(): Promise<void> {
    return this.#read(false);
  }
  #close(): void {
    this.#watcher?.close();
    this.#timer?.cancel();
    this.#changed?.cancel();
  }
  /** `changing`: somebody writes just now; what cannot be read yet stays what it was. */
  #read(changing: boolean): Promise<void> {
    const { signal, interval, clock } = this.#options;
    this.#reading = this.#reading.then(async () => {
      if (signal.aborted) return;
      this.#timer?.cancel();
      const there = await this.#scan(changing);
      if (signal.aborted) return;
      if (there) this.#watch();
      this.#timer = clock.after(there ? interval : Math.min(interval, retry), () => void this.#read(false));
    });
    return this.#reading;
  }
  /** False where the path is not there. */
  async #scan(changing: boolean): Promise<boolean> {
    const { path, onPods } = this.#options;
    let there = true;
    const found = new Map<string, Pod>();
    try {
      const info = await stat(path);
      this.#isDirectory = info.isDirectory();
      const files = this.#isDirectory ? (await readdir(path)).filter((name) => !name.startsWith(".")).sort() : [""];
      for (const file of files) {
        const name = file ? join(path, file) : path;
        const pod = (await this.#pod(name)) ?? (changing ? this.#known.get(name) : undefined);
        if (pod) found.set(name, pod);
      }
      for (const name of this.#said.keys()) if (name !== path && !files.includes(basename(name))) this.#said.delete(name);
    } catch (error) {
      there = (error as NodeJS.ErrnoException).code !== "ENOENT";
      this.#say(path, there ? (error as Error).message : "path does not exist, ignoring");
      // A disk that cannot be read now is no reason to stop what it told to run.
      if (there) return true;
    }
    if (there) this.#said.delete(path);
    this.#known = found;
    onPods([...found.values()]);
    return there;
  }
  async #pod(name: string): Promise<Pod | undefined> {
    try {
      const info = await stat(name);
      if (!info.isFile()) throw new Error(info.isDirectory() ? "it is a directory, which is not descended into" : "it is not a file");
      if (info.size > maxBytes) throw new Error(`it has more than ${maxBytes} bytes`);
      await using file = await open(name, "r");
      const [pod] = decodePods(await file.readFile(), { source: "file", name, nodeName: this.#options.nodeName }, false);
      this.#said.delete(name);
      return pod;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") this.#say(name, (error as Error).message);
      return undefined;
    }
  }
  #say(name: string, why: string): void {
    if (this.#said.get(name) === why) return;
    this.#said.set(name, why);
    this.#options.logger.warn("could not read a static pod", { path: name, why });
  }
  #watch(): void {
    if (this.#watcher) return;
    const { path, clock, logger } = this.#options;
    const file = basename(path);
    try {
      // Of a file, the directory is watched: whoever replaces it makes another one of the same name.
      const directory = this.#isDirectory ? path : dirname(path);
      this.#watcher = watch(directory, (_, name) => {
        if (name?.startsWith(".") || (directory !== path && name !== null && name !== file)) return;
        this.#changed?.cancel();
        this.#changed = clock.after(together, () => void this.#read(true));
      });
      this.#watcher.on("error", (error) => {
        logger.warn("could not watch static pods; they are read now and then", { path, error });
        this.#watcher?.close();
        this.#watcher = undefined;
      });
    } catch (error) {
      logger.warn("could not watch static pods; they are read now and then", { path, error });
    }
  }
}
