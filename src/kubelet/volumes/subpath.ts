/** Parts of volumes in containers: no `subPath` leads out of its volume, whatever the pod itself puts there. */
import { statSync, writeFileSync } from "node:fs";
import { mkdir, rm, rmdir } from "node:fs/promises";
import { mount, mountsBelow, unmount } from "../../linux/mounts.ts";
import { makeDirectoriesBelow, withSafePath } from "../../linux/safe-path.ts";

export interface SubPathRequest {
  podDirectory: string;
  volumeName: string;
  volumePath: string;
  containerName: string;
  mountIndex: number;
  subPath: string;
}

const code = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? "";

function exists(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch (error) {
    if (code(error) === "ENOENT" || code(error) === "ELOOP") return false;
    throw error;
  }
}

/** A path on the host that is bound to what `subPath` means now; makes missing directories. Rejects for a path that leads out. */
export async function bindSubPath(request: SubPathRequest): Promise<string> {
  const { volumePath, subPath } = request;
  if (!exists(`${volumePath}/${subPath}`)) makeDirectoriesBelow(volumePath, subPath, statSync(volumePath).mode & 0o7777);
  const parent = `${request.podDirectory}/volume-subpaths/${request.volumeName}/${request.containerName}`;
  const target = `${parent}/${request.mountIndex}`;
  await mkdir(parent, { recursive: true, mode: 0o750 });
  if (mountsBelow(target).includes(target)) unmount(target, true);
  // It may have been of another kind for the container before this one.
  await rm(target, { recursive: false, force: true }).catch(() => rmdir(target));
  const isDirectory = withSafePath(volumePath, subPath, (_, directory) => directory);
  if (isDirectory) await mkdir(target, { recursive: true, mode: 0o750 });
  else writeFileSync(target, "", { mode: 0o640 });
  withSafePath(volumePath, subPath, (pinned) => mount({ source: pinned, target, flags: ["bind", "recursive"] }));
  return target;
}
