/**
 * Where raw block volumes are kept (upstream's pkg/volume/util/volumepathhandler): a link in the pod's directory for its
 * containers, and the device itself bound below the plugin's, so that it stays what it is while a pod uses it.
 */
import { mkdir, rename, rm, rmdir, symlink, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { bind, isMountPoint, unmount } from "../../linux/mounts.ts";
import type { Place } from "./plugin.ts";

const code = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? "";

export async function mapBlock(device: string, globalMapPath: string, place: Place): Promise<void> {
  const bound = `${globalMapPath}/${place.pod}`;
  await mkdir(globalMapPath, { recursive: true, mode: 0o750 });
  if (!isMountPoint(bound)) {
    await writeFile(bound, "", { mode: 0o640 });
    bind(device, bound);
  }
  await mkdir(dirname(place.path), { recursive: true, mode: 0o750 });
  await rm(`${place.path}.new`, { force: true });
  await symlink(device, `${place.path}.new`);
  await rename(`${place.path}.new`, place.path);
}

export async function unmapBlock(globalMapPath: string, place: Place): Promise<void> {
  await rm(place.path, { force: true });
  const bound = `${globalMapPath}/${place.pod}`;
  while (isMountPoint(bound)) unmount(bound);
  await rm(bound, { force: true });
  try {
    await rmdir(globalMapPath);
  } catch (error) {
    // Other pods use it.
    if (!["ENOTEMPTY", "ENOENT"].includes(code(error))) throw error;
  }
}
