/** Directories that something is mounted on. */
import { rmdir } from "node:fs/promises";
import { isMountPoint, unmount } from "../../linux/mounts.ts";

/** Unmounts what is on the directory, however often, and removes the directory, which must then be empty. */
export async function removeMountPoint(path: string): Promise<void> {
  while (isMountPoint(path)) unmount(path);
  try {
    await rmdir(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
