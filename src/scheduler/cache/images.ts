/** Which images nodes have, and on how many nodes each is. */
import type { Node } from "../../api/types/core-v1.gen.ts";

/** The name as the container runtime knows it: with a tag. */
export const normalizedImageName = (name: string): string => (name.lastIndexOf(":") <= name.lastIndexOf("/") ? `${name}:latest` : name);

/** Bytes by name; the old answer itself where the list is the same. */
export function imagesOf(node: Node, old?: { node: Node; images: ReadonlyMap<string, number> }): ReadonlyMap<string, number> {
  if (old && old.node.status?.images === node.status?.images) return old.images;
  const images = new Map<string, number>();
  for (const image of node.status?.images ?? []) for (const name of image.names ?? []) images.set(name, Number(image.sizeBytes ?? 0));
  return images;
}

export class ImageSpread {
  readonly #nodes = new Map<string, number>();

  nodesWith(image: string): number {
    return this.#nodes.get(image) ?? 0;
  }
  get empty(): boolean {
    return this.#nodes.size === 0;
  }

  replace(old: ReadonlyMap<string, number>, images: ReadonlyMap<string, number>): void {
    if (old === images) return;
    for (const name of old.keys()) {
      const left = this.nodesWith(name) - 1;
      if (left > 0) this.#nodes.set(name, left);
      else this.#nodes.delete(name);
    }
    for (const name of images.keys()) this.#nodes.set(name, this.nodesWith(name) + 1);
  }
}
