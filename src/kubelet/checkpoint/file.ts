/**
 * State files of the kubelet, in the formats that upstream's kubelet writes and reads (pkg/kubelet/checkpointmanager): a
 * node may change from either to the other.
 */
import { open, readFile, rename } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fnv1a } from "../../base/fnv.ts";

/** What the file says is not what was written. */
export class CorruptCheckpoint extends Error {
  constructor() {
    super("checkpoint is corrupted");
  }
}

/** One state file and its states, which are written one after the other. */
export class Checkpoint {
  readonly path: string;
  #writes: Promise<void> = Promise.resolve();
  /** What is on the disk, as far as it is known. */
  #written: string | undefined;
  constructor(path: string) {
    this.path = path;
  }
  /** Undefined: there is none. */
  async read(): Promise<string | undefined> {
    try {
      this.#written = await readFile(this.path, "utf8");
      return this.#written;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }
  /** On the disk when it resolves, whole or not at all. `text` is asked for once the states before are written; what stands there already is not written again. */
  async save(text: () => string): Promise<void> {
    const saved = this.#writes.then(async () => {
      const now = text();
      if (now === this.#written) return;
      await write(this.path, now);
      this.#written = now;
    });
    this.#writes = saved.catch(() => {});
    await saved;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writes;
  }
}

async function write(path: string, text: string): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}`);
  const file = await open(temporary, "w", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}

/** Upstream's sum of a state: of the text in which Go's spew prints it (k8s.io/utils/dump.ForHash). */
export const checksumOf = (printed: string): number => fnv1a(Buffer.from(printed));
