/** Where other volumes of a pod are mounted inside of one of its volumes, the runtime needs a directory (pkg/volume/util/nested_volumes.go). */
import { mkdir, stat } from "node:fs/promises";
import { posix } from "node:path";
import type { Pod } from "../../api/types/core-v1.gen.ts";

/** Relative to the volume. Throws for a mount path that leads out of the container. */
export function nestedMounts(pod: Pod, volumeName: string): string[] {
  const { containers, initContainers = [], ephemeralContainers = [] } = pod.spec;
  const found = new Set<string>();
  for (const { volumeMounts = [] } of [...containers, ...initContainers, ...ephemeralContainers]) {
    const paths = volumeMounts.map(({ name, mountPath }) => ({ name, path: posix.normalize(mountPath).replace(/(.)\/$/, "$1") }));
    for (const mine of paths.filter(({ name }) => name === volumeName)) {
      if (mine.path.startsWith("../")) throw new Error(`invalid container mount point ${mine.path}`);
      const below = paths.flatMap(({ path }) => (path.startsWith(`${mine.path}/`) ? [path.slice(mine.path.length + 1)] : [])).sort();
      const outermost: string[] = [];
      for (const path of below) if (!outermost.some((outer) => path.startsWith(`${outer}/`))) outermost.push(path);
      for (const path of outermost) found.add(path);
    }
  }
  return [...found];
}

/** Makes those that are not there. */
export async function makeNestedMounts(pod: Pod, volumeName: string, directory: string): Promise<void> {
  for (const path of nestedMounts(pod, volumeName)) {
    const known = await stat(`${directory}/${path}`).catch(() => undefined);
    if (known) continue;
    try {
      await mkdir(`${directory}/${path}`, { recursive: true, mode: 0o755 });
    } catch (error) {
      throw new Error(`unable to create nested volume mountpoints: ${(error as Error).message}`, { cause: error });
    }
  }
}
