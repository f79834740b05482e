/** Gives a volume to the pod's group (KEP-695, upstream's pkg/volume/volume_linux.go). */
import { chmod, lchown, lstat, readdir } from "node:fs/promises";

import type { Pod } from "../../api/types/core-v1.gen.ts";

const setGid = 0o2000;

export interface OwnershipOptions {
  fsGroup: number;
  readOnly: boolean;
  /** Leave everything as it is when the root already fits. */
  onRootMismatch?: boolean;
}

function wanted(mode: number, isDirectory: boolean, readOnly: boolean): number {
  const access = mode | (readOnly ? 0o440 : 0o660);
  return (isDirectory ? access | setGid | 0o110 : access) & 0o7777;
}

/** Links keep their mode; everything below gets the group. Rejects what the file system says. */
export async function giveToGroup(path: string, options: OwnershipOptions): Promise<void> {
  const root = await lstat(path);
  if (options.onRootMismatch && root.gid === options.fsGroup && (root.mode & 0o7777) === wanted(root.mode, root.isDirectory(), options.readOnly)) return;
  await change(path, options);
}

async function change(path: string, options: OwnershipOptions): Promise<void> {
  const stats = await lstat(path);
  await lchown(path, stats.uid, options.fsGroup);
  if (stats.isSymbolicLink()) return;
  const mode = wanted(stats.mode, stats.isDirectory(), options.readOnly);
  if (mode !== (stats.mode & 0o7777)) await chmod(path, mode);
  if (stats.isDirectory()) for (const entry of await readdir(path)) await change(`${path}/${entry}`, options);
}

/** Gives a volume that the pod may write to the pod's group, where it has one. */
export async function giveToPod(pod: Pod, path: string): Promise<void> {
  const { fsGroup, fsGroupChangePolicy } = pod.spec.securityContext ?? {};
  if (fsGroup === undefined) return;
  await giveToGroup(path, { fsGroup, readOnly: false, onRootMismatch: fsGroupChangePolicy === "OnRootMismatch" });
}
