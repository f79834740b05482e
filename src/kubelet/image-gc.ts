/** Removes images that nothing uses when the disk fills up (upstream's pkg/kubelet/images/image_gc_manager.go). */
import type { Clock } from "../base/clock.ts";
import type { CriClient } from "../cri/client.ts";
import type { Image } from "../cri/types.gen.ts";
import { formatDuration } from "./backoff.ts";
import type { PullRecords } from "./image-pull/pull-records.ts";
import type { PodEvents } from "./pod-events.ts";

export interface ImageUse {
  firstSeen: number;
  lastUsed: number;
}

export interface ImageGcPolicy {
  /** Milliseconds that an image has to be known before it may go. */
  minimumAge: number;
  /** Milliseconds after which an image that nothing used goes, however much room there is; 0: never. */
  maximumAge: number;
  highPercent: number;
  lowPercent: number;
  /** Never removed. */
  keep: ReadonlySet<string>;
}

interface Candidate extends ImageUse {
  id: string;
  size: number;
}

/** Images that may go, least recently used first. Pure. */
export function unusedImages(
  images: readonly Pick<Image, "id" | "size" | "pinned" | "repoTags">[],
  uses: ReadonlyMap<string, ImageUse>,
  inUse: ReadonlySet<string>,
  keep: ReadonlySet<string>,
): Candidate[] {
  return images
    .filter((image) => !image.pinned && !inUse.has(image.id) && !image.repoTags.some((tag) => keep.has(tag)))
    .map(({ id, size }) => ({ id, size, firstSeen: 0, lastUsed: 0, ...uses.get(id) }))
    .sort((a, b) => a.lastUsed - b.lastUsed || a.firstSeen - b.firstSeen);
}

/** `1.5 GiB` */
function readable(bytes: number): string {
  const units = ["KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(units.length, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return power === 0 ? `${bytes} B` : `${(bytes / 1024 ** power).toFixed(1)} ${units[power - 1]}`;
}

export interface ImageGcOptions {
  cri: CriClient;
  clock: Clock;
  policy: ImageGcPolicy;
  events: Pick<PodEvents, "node">;
  records: Pick<PullRecords, "prune">;
  /** Ids of images that pods have as volumes. */
  mountedImages(): Iterable<string>;
  /** Of the file system that holds the images, in bytes. */
  usage(): Promise<{ capacity: number; available: number }> | { capacity: number; available: number };
}

export class ImageGc {
  readonly #options: ImageGcOptions;
  readonly #uses = new Map<string, ImageUse>();
  readonly #began: number;
  #looked = false;
  constructor(options: ImageGcOptions) {
    this.#options = options;
    this.#began = options.clock.now();
  }
  /** Rejects with upstream's text when not enough could be won. */
  async run(): Promise<void> {
    const { policy, usage, clock, events } = this.#options;
    const now = clock.now();
    const unused = await this.#look(now);
    if (policy.maximumAge > 0 && now - this.#began > policy.maximumAge) {
      const old = unused.filter((image) => now - image.lastUsed > policy.maximumAge);
      const { failures } = await this.#remove(old, Number.POSITIVE_INFINITY);
      if (failures.length)
        throw new Error(`wanted to free images older than ${formatDuration(policy.maximumAge)}, encountered errors in image deletion: ${failures.join(", ")}`);
    }
    const { capacity, available } = await usage();
    if (capacity === 0) {
      events.node("Warning", "InvalidDiskCapacity", "invalid capacity 0 on image filesystem");
      throw new Error("invalid capacity 0 on image filesystem");
    }
    const used = 100 - Math.floor((Math.min(available, capacity) * 100) / capacity);
    if (used < policy.highPercent) return;
    const wanted = Math.floor((capacity * (100 - policy.lowPercent)) / 100) - available;
    const freed = await this.#free(wanted, now);
    if (freed >= wanted) return;
    const message = `Insufficient free disk space on the node's image filesystem (${used}% of ${readable(capacity)} used). Failed to free sufficient space by deleting unused images (freed ${freed} bytes). Investigate disk usage, as it could be used by active images, logs, volumes, or other data.`;
    events.node("Warning", "FreeDiskSpaceFailed", message);
    throw new Error(message);
  }
  /** Removes every image that nothing uses. */
  async removeUnused(): Promise<void> {
    await this.#free(Number.POSITIVE_INFINITY, this.#options.clock.now());
  }
  /** Notes what is in use; gives what is not. */
  async #look(now: number): Promise<Candidate[]> {
    const { cri, policy } = this.#options;
    const [{ images }, { containers }] = await Promise.all([cri.call("ListImages", {}), cri.call("ListContainers", {})]);
    const inUse = new Set(containers.flatMap((c) => [c.imageRef, c.imageId, c.image?.image ?? ""]));
    for (const id of this.#options.mountedImages()) inUse.add(id);
    for (const { id } of images) {
      // What was here before the kubelet has been here for long.
      const use = this.#uses.get(id) ?? { firstSeen: this.#looked ? now : 0, lastUsed: 0 };
      this.#uses.set(id, inUse.has(id) ? { ...use, lastUsed: now } : use);
    }
    this.#looked = true;
    for (const id of this.#uses.keys()) if (!images.some((image) => image.id === id)) this.#uses.delete(id);
    return unusedImages(images, this.#uses, inUse, policy.keep);
  }
  async #free(wanted: number, now: number): Promise<number> {
    const { policy, records } = this.#options;
    const eligible = (await this.#look(now)).filter((image) => now - image.firstSeen >= policy.minimumAge);
    const { freed, failures } = await this.#remove(eligible, wanted);
    if (failures.length)
      throw new Error(`wanted to free ${wanted} bytes, but freed ${freed} bytes space with errors in image deletion: ${failures.join(", ")}`);
    await records.prune(new Set(this.#uses.keys()), now);
    return freed;
  }
  async #remove(images: readonly Candidate[], wanted: number): Promise<{ freed: number; failures: string[] }> {
    let freed = 0;
    const failures: string[] = [];
    for (const { id, size } of images) {
      if (freed >= wanted) break;
      try {
        await this.#options.cri.call("RemoveImage", { image: { image: id, userSpecifiedImage: "" } });
        this.#uses.delete(id);
        freed += size;
      } catch (error) {
        failures.push((error as Error).message);
      }
    }
    return { freed, failures };
  }
}
