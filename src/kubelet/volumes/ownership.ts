/** Gives a volume to the pod's group (KEP-695, upstream's pkg/volume/volume_linux.go). */
import { constants } from "node:fs";
import { chmod, chown, lchown, lstat, open, readdir } from "node:fs/promises";

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

/**
 * Links keep their mode; everything below gets the group. Whoever writes to the volume meanwhile cannot lead this elsewhere:
 * each file is held by a descriptor before it is looked at. Rejects what the file system says.
 */
export async function giveToGroup(path: string, options: OwnershipOptions): Promise<void> {
  const root = await lstat(path);
  if (options.onRootMismatch && root.gid === options.fsGroup && (root.mode & 0o7777) === wanted(root.mode, root.isDirectory(), options.readOnly)) return;
  await change(path, options);
}

const pathOnly = 0o10000000;

async function change(path: string, options: OwnershipOptions): Promise<void> {
  const held = await open(path, pathOnly | constants.O_NOFOLLOW);
  try {
    const self = `/proc/self/fd/${held.fd}`;
    const stats = await held.stat();
    if (stats.isSymbolicLink()) return await lchown(path, -1, options.fsGroup);
    if (stats.gid !== options.fsGroup) await chown(self, -1, options.fsGroup);
    const mode = wanted(stats.mode, stats.isDirectory(), options.readOnly);
    // A change of the owner takes set-id bits away.
    if (mode !== (stats.mode & 0o7777) || stats.gid !== options.fsGroup) await chmod(self, mode);
    if (stats.isDirectory()) for (const entry of await readdir(self)) await change(`${self}/${entry}`, options);
  } catch (error) {
    // What goes meanwhile needs no owner.
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  } finally {
    await held.close();
  }
}

/** Gives a volume that the pod may write to the pod's group, where it has one. */
export async function giveToPod(pod: Pod, path: string): Promise<void> {
  const { fsGroup, fsGroupChangePolicy } = pod.spec.securityContext ?? {};
  if (fsGroup === undefined) return;
  await giveToGroup(path, { fsGroup, readOnly: false, onRootMismatch: fsGroupChangePolicy === "OnRootMismatch" });
}
