/** emptyDir: a directory of the node, memory, or huge pages, for as long as the pod is (upstream's pkg/volume/emptydir). */
import { chmod, mkdir, rm, stat, writeFile } from "node:fs/promises";
import { podLimits } from "../../api/core/pod-resources.ts";
import { quantityToNumber } from "../../api/quantity.ts";
import type { Pod, Volume } from "../../api/types/core-v1.gen.ts";
import { isMountPoint, mount, unmountBelow } from "../../linux/mounts.ts";
import { removeTree } from "../../linux/remove-tree.ts";
import { giveToPod } from "./ownership.ts";
import type { Place, VolumePlugin } from "./plugin.ts";
import { mountMemory } from "./tmpfs.ts";

const name = "kubernetes.io/empty-dir";
const hugePages = "HugePages";
const hugePagesResource = "hugepages-";

/** Size of the huge pages that the pod asks for, as a mount option. Throws with upstream's text. */
export function pageSize(pod: Pod, medium: string): string {
  const wanted = medium === hugePages ? undefined : medium.slice(hugePages.length + 1);
  const { containers, initContainers = [], resources } = pod.spec;
  const requests = [resources?.requests, ...[...containers, ...initContainers].map((c) => c.resources?.requests)];
  const asked = requests.flatMap((list) => Object.keys(list ?? {})).filter((key) => key.startsWith(hugePagesResource));
  const sizes = [...new Set(asked.map((key) => quantityToNumber(key.slice(hugePagesResource.length))))];
  const size = wanted === undefined ? sizes[0] : sizes.find((one) => one === quantityToNumber(wanted));
  if (wanted === undefined && sizes.length > 1) throw new Error(`medium: ${medium} can't be used if container requests multiple huge page sizes`);
  if (size === undefined) throw new Error(`medium ${medium}: hugePages storage requested, but there is no resource request for huge pages`);
  return `pagesize=${size}`;
}

/** Bytes that the memory may hold: never more than the pod may use. */
export function memorySize(pod: Pod, source: NonNullable<Volume["emptyDir"]>, allocatable: Record<string, string>): string {
  const bounds = [allocatable.memory, podLimits(pod.spec).memory, source.sizeLimit].map((q) => quantityToNumber(String(q ?? 0))).filter((n) => n > 0);
  return bounds.length ? `size=${Math.min(...bounds)}` : "";
}

/** Tells that the directory was given to the pod once: a restarted kubelet leaves it alone. */
const readyFile = ({ path }: Place): string => {
  const [volume, plugin, , ...pod] = path.split("/").reverse();
  return `${pod.reverse().join("/")}/plugins/${plugin}/${volume}`;
};

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return false;
      throw error;
    },
  );

export const emptyDirPlugin = (): VolumePlugin => ({
  name,
  supports: ({ volume, persistent }) => !persistent && volume.emptyDir !== undefined,
  async setUp({ pod, spec, place, sources }) {
    const { path } = place;
    const source = spec.volume.emptyDir ?? {};
    const medium = source.medium ?? "";
    const mounts = medium === "Memory" || medium.startsWith(hugePages);
    if (medium && !mounts) throw new Error(`unknown storage medium ${JSON.stringify(medium)}`);
    const ready = readyFile(place);
    if ((await exists(`${ready}/ready`)) && (mounts ? isMountPoint(path) : await exists(path))) return { path, readOnly: false };
    await mkdir(path, { recursive: true, mode: 0o777 });
    await chmod(path, 0o777);
    if (mounts && !isMountPoint(path)) {
      if (medium === "Memory") mountMemory(path, memorySize(pod, source, sources.facts.allocatable));
      else mount({ source: "nodev", target: path, type: "hugetlbfs", data: pageSize(pod, medium) });
      await chmod(path, 0o777);
    }
    await giveToPod(pod, path);
    await mkdir(ready, { recursive: true, mode: 0o750 });
    await writeFile(`${ready}/ready`, "");
    return { path, readOnly: false };
  },
  async tearDown(place) {
    await rm(readyFile(place), { recursive: true, force: true });
    unmountBelow(place.path);
    await removeTree(place.path);
  },
});
