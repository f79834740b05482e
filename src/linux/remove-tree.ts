/** Removes a directory with what is in it, but nothing of file systems that are mounted below it. */
import { lstat, readdir, rmdir, unlink } from "node:fs/promises";

const code = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? "";

/**
 * A mount that came meanwhile is met as a directory of another device, and is left with everything in it: then it rejects
 * with EBUSY's text. What is not there is no error.
 */
export async function removeTree(path: string): Promise<void> {
  let device: number;
  try {
    device = (await lstat(path)).dev;
  } catch (error) {
    if (code(error) === "ENOENT") return;
    throw error;
  }
  await remove(path, device);
}

async function remove(path: string, device: number): Promise<void> {
  try {
    const stats = await lstat(path);
    if (!stats.isDirectory()) return await unlink(path);
    if (stats.dev !== device) throw new Error(`${path} is on another device: something is mounted there`);
    for (const name of await readdir(path)) await remove(`${path}/${name}`, device);
    await rmdir(path);
  } catch (error) {
    if (code(error) !== "ENOENT") throw error;
  }
}
