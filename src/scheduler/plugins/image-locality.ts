/** Nodes that have a pod's images already are better, the more so the more nodes have them. */
import { normalizedImageName } from "../cache/images.ts";
import { maxNodeScore, type Plugin } from "../framework/plugin.ts";

const name = "ImageLocality";
const mebibyte = 1024 * 1024;
const least = 23 * mebibyte;
const mostPerContainer = 1000 * mebibyte;

export const imageLocality: Plugin = {
  name,
  score({ pod, snapshot, cluster }) {
    const { containers, initContainers = [], volumes = [] } = pod.pod.spec;
    const count = containers.length + initContainers.length;
    const images = [...initContainers, ...containers].map((c) => c.image ?? "");
    for (const { image } of volumes) if (image?.reference) images.push(image.reference);
    const wanted = images
      .map(normalizedImageName)
      .map((image) => ({ image, spread: cluster.images.nodesWith(image) / snapshot.size }))
      .filter(({ spread }) => spread > 0);
    // Without any such image every node scores the same.
    if (!wanted.length) return "skip";
    const most = mostPerContainer * count;
    return {
      score({ rows }, feasible, out) {
        for (let i = 0; i < feasible.length; i++) {
          const present = rows[feasible[i] as number]!.images;
          let sum = 0;
          for (const { image, spread } of wanted) sum += Math.trunc((present.get(image) ?? 0) * spread);
          const held = Math.min(Math.max(sum, least), most);
          out[i] = Math.trunc((maxNodeScore * (held - least)) / (most - least));
        }
      },
    };
  },
};
