/**
 * Images as volumes (KEP-4639). The image is pulled when a container that mounts it starts, so that its failures are the
 * container's, as with the container's own image; here is only its place.
 */
import { mkdir } from "node:fs/promises";
import type { ImageViews } from "./image-views.ts";
import type { VolumePlugin } from "./plugin.ts";

/** Without `views` the runtime mounts images itself. */
export const imagePlugin = (views: ImageViews | undefined): VolumePlugin => ({
  name: "kubernetes.io/image",
  supports: ({ volume, persistent }) => !persistent && volume.image !== undefined,
  async setUp({ spec, place }) {
    if (views) await mkdir(place.path, { recursive: true, mode: 0o755 });
    return { path: views ? place.path : "", readOnly: true, image: { userSpecifiedImage: spec.volume.image?.reference ?? "" } };
  },
  async tearDown(place) {
    await views?.remove(place);
  },
});
