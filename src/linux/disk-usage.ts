/** What a directory tree takes of its file system. */
import { lstat, readdir } from "node:fs/promises";

export interface DiskUsage {
  /** Bytes of blocks, so that holes count for nothing. */
  bytes: number;
  inodes: number;
}

/** Files with several names count once; other file systems mounted below, and what goes meanwhile, count for nothing. */
export async function diskUsage(root: string): Promise<DiskUsage> {
  const usage: DiskUsage = { bytes: 0, inodes: 0 };
  const seen = new Set<number>();
  let device: number | undefined;
  const visit = async (path: string): Promise<void> => {
    try {
      const stat = await lstat(path);
      device ??= stat.dev;
      if (stat.dev !== device || seen.has(stat.ino)) return;
      if (stat.nlink > 1 && !stat.isDirectory()) seen.add(stat.ino);
      usage.bytes += stat.blocks * 512;
      usage.inodes++;
      if (stat.isDirectory()) for (const name of await readdir(path)) await visit(`${path}/${name}`);
    } catch (error) {
      if (!["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    }
  };
  await visit(root);
  return usage;
}
