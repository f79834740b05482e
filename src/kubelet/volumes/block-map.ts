/**
 * Where raw block volumes are kept (upstream's pkg/volume/util/volumepathhandler): a link in the pod's directory for its
 * containers, and the device itself bound below the plugin's, so that it stays what it is while a pod uses it.
 */
import { mkdir, realpath, rename, rm, rmdir, symlink, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { bind, isMountPoint, unmount } from "../../linux/mounts.ts";
import type { Place } from "./plugin.ts";

const code = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? "";

const linkTo = async (target: string, place: Place): Promise<void> => {
  await mkdir(dirname(place.path), { recursive: true, mode: 0o750 });
  await rm(`${place.path}.new`, { force: true });
  await symlink(target, `${place.path}.new`);
  await rename(`${place.path}.new`, place.path);
};

/** `find` makes the device available and gives its path. What it has begun can be told from the disk from the beginning on. */
export async function mapBlock(globalMapPath: string, place: Place, find: () => Promise<string>): Promise<void> {
  const bound = `${globalMapPath}/${place.pod}`;
  await linkTo(bound, place);
  const device = await realpath(await find());
  await mkdir(globalMapPath, { recursive: true, mode: 0o750 });
  if (!isMountPoint(bound)) {
    await writeFile(bound, "", { mode: 0o640 });
    bind(device, bound);
  }
  await linkTo(device, place);
}

/** `release` is called when nobody holds the device any more; it is forgotten only after that. */
export async function unmapBlock(globalMapPath: string, place: Place, release: () => Promise<void>): Promise<void> {
  const bound = `${globalMapPath}/${place.pod}`;
  while (isMountPoint(bound)) unmount(bound);
  await rm(bound, { force: true });
  try {
    await rmdir(globalMapPath);
  } catch (error) {
    // Other pods use it.
    if (!["ENOTEMPTY", "ENOENT"].includes(code(error))) throw error;
  }
  await release();
  await rm(place.path, { force: true });
  await rm(`${place.path}.new`, { force: true });
}
