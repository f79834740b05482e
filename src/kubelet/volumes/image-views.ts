/**
 * The files of an image as a directory of the host, for runtimes that mount no images themselves (KEP-4639): a read-only view
 * of the image's snapshot, made by containerd, mounted here. The view keeps the image's layers although the image may go.
 */
import { mkdir, rmdir } from "node:fs/promises";
import type { Clock } from "../../base/clock.ts";
import type { ContainerdClient, ContainerdMount } from "../../cri/containerd.ts";
import { type CriClient, CriError } from "../../cri/client.ts";
import { mount, type MountFlag, mountsBelow, unmount } from "../../linux/mounts.ts";
import { table } from "../../base/table.ts";

export interface ImageViewsOptions {
  cri: CriClient;
  containerd: ContainerdClient;
  clock: Clock;
}

/** A volume of a pod and where it is mounted. */
export interface ViewPlace {
  pod: string;
  name: string;
  path: string;
}

const keyOf = ({ pod, name }: ViewPlace): string => `k8ts-image-volume-${pod}-${name}`;
/** The kernel takes mount options of one page. */
const longestOptions = 4000;
const flagOf = table<MountFlag>({ ro: "readonly", rbind: "recursive", bind: "bind" });

export class ImageViews {
  readonly #options: ImageViewsOptions;
  #snapshotter: Promise<string> | undefined;
  constructor(options: ImageViewsOptions) {
    this.#options = options;
  }
  /** What the CRI unpacks images with. */
  #snapshotterName(): Promise<string> {
    this.#snapshotter ??= this.#options.cri.call("Status", { verbose: true }).then(({ info }) => {
      const config = JSON.parse(info.config || "{}") as { containerd?: { snapshotter?: string } };
      return config.containerd?.snapshotter || "overlayfs";
    });
    this.#snapshotter.catch(() => {
      this.#snapshotter = undefined;
    });
    return this.#snapshotter;
  }
  /** Idempotent. Rejects when the image is not there, or not unpacked. */
  async show(place: ViewPlace, imageId: string): Promise<void> {
    if (mountsBelow(place.path).includes(place.path)) return;
    await mkdir(place.path, { recursive: true, mode: 0o755 });
    const snapshotter = await this.#snapshotterName();
    const { info } = await this.#options.cri.call("ImageStatus", { image: { image: imageId }, verbose: true });
    const { chainID = "" } = JSON.parse(info.info || "{}") as { chainID?: string };
    const key = keyOf(place);
    const { snapshots } = this.#options.containerd;
    const labels = { "containerd.io/gc.root": new Date(this.#options.clock.now()).toISOString() };
    const { mounts } = await snapshots.call("View", { snapshotter, key, parent: chainID, labels }).catch((error: unknown) => {
      // From an attempt that went no further.
      if (error instanceof CriError && error.alreadyExists) return snapshots.call("Mounts", { snapshotter, key });
      throw error;
    });
    for (const one of mounts) mountView(one, place.path);
  }
  /** Idempotent: nothing of it is left, here and in containerd. */
  async remove(place: ViewPlace): Promise<void> {
    for (const point of mountsBelow(place.path)) unmount(point);
    const snapshotter = await this.#snapshotterName();
    await this.#options.containerd.snapshots.call("Remove", { snapshotter, key: keyOf(place) }).catch((error: unknown) => {
      if (!(error instanceof CriError && error.notFound)) throw error;
    });
    await rmdir(place.path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    });
  }
}

/** Read-only, and nothing of it is run. */
function mountView({ type, source, options }: ContainerdMount, target: string): void {
  if (type === "bind") {
    mount({ source, target, flags: ["bind", ...options.flatMap((one) => (flagOf[one] === "recursive" ? (["recursive"] as const) : []))] });
    mount({ source: "none", target, flags: ["remount", "bind", "readonly", "noExec"] });
    return;
  }
  const data = options.filter((one) => !(one in flagOf)).join(",");
  const flags = ["readonly", "noExec"] as const;
  if (data.length < longestOptions) {
    mount({ source, target, type, flags, data });
    return;
  }
  const short = relativeLowers(data);
  if (!short) throw new Error(`the image has too many layers for one mount (${data.length} bytes of options)`);
  const before = process.cwd();
  // The call that follows is synchronous: nobody else sees the other directory.
  process.chdir(short.directory);
  try {
    mount({ source, target, type, flags, data: short.data });
  } finally {
    process.chdir(before);
  }
}

/** Layers below one directory, named from there. */
function relativeLowers(data: string): { directory: string; data: string } | undefined {
  const lowers = /lowerdir=([^,]*)/.exec(data)?.[1]?.split(":") ?? [];
  const directory = lowers[0]?.replace(/[^/]+\/fs$/, "");
  if (!directory || !lowers.every((one) => one.startsWith(directory))) return undefined;
  return { directory, data: data.replaceAll(directory, "") };
}
