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
      const { dev, ino, nlink, blocks, isDirectory } = await plain(path);
      device ??= dev;
      if (dev !== device || seen.has(ino)) return;
      if (nlink > 1 && !isDirectory) seen.add(ino);
      usage.bytes += blocks * 512;
      usage.inodes++;
      if (isDirectory) for (const name of await readdir(path)) await visit(`${path}/${name}`);
    } catch (error) {
      if (!["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    }
  };
  await visit(root);
  return usage;
}

async function plain(path: string): Promise<{ dev: number; ino: number; nlink: number; blocks: number; isDirectory: boolean }> {
  const stat = await lstat(path);
  return { dev: stat.dev, ino: stat.ino, nlink: stat.nlink, blocks: stat.blocks, isDirectory: stat.isDirectory() };
}
