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

/** Undefined: there is none. */
export async function readCheckpoint(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Whole or not at all, on the disk when it resolves. One writer at a time. */
export async function writeCheckpoint(path: string, text: string): Promise<void> {
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
