/** Removes images that nothing uses when the disk fills up (upstream's pkg/kubelet/images/image_gc_manager.go). */
import type { Clock } from "../base/clock.ts";
import type { CriClient } from "../cri/client.ts";
import type { Image } from "../cri/types.gen.ts";

export interface ImageUse {
  firstSeen: number;
  lastUsed: number;
}

export interface ImageGcPolicy {
  /** Milliseconds that an image has to be known before it may go. */
  minimumAge: number;
  highPercent: number;
  lowPercent: number;
  /** Never removed. */
  keep: ReadonlySet<string>;
}

/** Ids of the images to remove, least recently used first, until `free` bytes would be won. Pure. */
export function imagesToRemove(
  images: readonly Image[],
  uses: ReadonlyMap<string, ImageUse>,
  inUse: ReadonlySet<string>,
  policy: ImageGcPolicy,
  free: number,
  now: number,
): string[] {
  const candidates = images
    .filter((image) => !image.pinned && !inUse.has(image.id) && !image.repoTags.some((tag) => policy.keep.has(tag)))
    .map((image) => ({ image, use: uses.get(image.id) ?? { firstSeen: now, lastUsed: 0 } }))
    .filter(({ use }) => now - use.firstSeen >= policy.minimumAge)
    .sort((a, b) => a.use.lastUsed - b.use.lastUsed || a.use.firstSeen - b.use.firstSeen);
  const chosen: string[] = [];
  let won = 0;
  for (const { image } of candidates) {
    if (won >= free) break;
    chosen.push(image.id);
    won += image.size;
  }
  return chosen;
}

export interface ImageGcOptions {
  cri: CriClient;
  clock: Clock;
  policy: ImageGcPolicy;
  /** Of the file system that holds the images, in bytes. */
  usage(): { capacity: number; available: number };
}

export class ImageGc {
  readonly #options: ImageGcOptions;
  readonly #uses = new Map<string, ImageUse>();
  constructor(options: ImageGcOptions) {
    this.#options = options;
  }
  /** Rejects with upstream's text when not enough could be won. */
  async run(): Promise<void> {
    const { policy, usage } = this.#options;
    const { capacity, available } = usage();
    const used = 100 - Math.floor((available * 100) / capacity);
    const wanted = used < policy.highPercent ? 0 : (capacity * (100 - policy.lowPercent)) / 100 - available;
    const won = await this.#free(wanted);
    if (won < wanted)
      throw new Error(
        `Failed to garbage collect required amount of images. Attempted to free ${Math.ceil(wanted)} bytes, but only found ${won} bytes eligible to free.`,
      );
  }
  /** Removes every image that nothing uses. */
  async removeUnused(): Promise<void> {
    await this.#free(Number.POSITIVE_INFINITY);
  }
  /** Notes what is in use, and removes until so many bytes are won; gives how many were. */
  async #free(wanted: number): Promise<number> {
    const { cri, clock, policy } = this.#options;
    const now = clock.now();
    const [{ images }, { containers }] = await Promise.all([cri.call("ListImages", {}), cri.call("ListContainers", {})]);
    const inUse = new Set(containers.flatMap((c) => [c.imageRef, c.imageId, c.image?.image ?? ""]));
    for (const { id } of images) {
      const use = this.#uses.get(id) ?? { firstSeen: now, lastUsed: 0 };
      this.#uses.set(id, inUse.has(id) ? { ...use, lastUsed: now } : use);
    }
    for (const id of this.#uses.keys()) if (!images.some((image) => image.id === id)) this.#uses.delete(id);
    let won = 0;
    if (wanted <= 0) return won;
    for (const id of imagesToRemove(images, this.#uses, inUse, policy, wanted, now)) {
      await cri.call("RemoveImage", { image: { image: id, userSpecifiedImage: "" } });
      won += images.find((image) => image.id === id)?.size ?? 0;
    }
    return won;
  }
}
