/** What a container left in its termination message file. */
import { open } from "node:fs/promises";

const maxLength = 4096;

/** The end of the file, at most 4096 bytes; empty when there is none. Never rejects: a failure is the message. */
export async function readTerminationMessage(path: string): Promise<string> {
  try {
    await using file = await open(path, "r");
    const { size } = await file.stat();
    const length = Math.min(size, maxLength);
    const buffer = Buffer.alloc(length);
    await file.read(buffer, 0, length, size - length);
    return buffer.toString("utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    return `Error on reading termination log ${path}: ${(error as Error).message}`;
  }
}
