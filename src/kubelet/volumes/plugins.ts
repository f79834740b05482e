/** Every kind of volume that this node knows. */
import type { PodEvents } from "../pod-events.ts";
import { configMapPlugin } from "./config-map.ts";
import { type CsiPluginOptions, csiPlugin } from "./csi/csi.ts";
import { downwardApiPlugin } from "./downward-api.ts";
import { emptyDirPlugin } from "./empty-dir.ts";
import { hostPathPlugin } from "./host-path.ts";
import { imagePlugin } from "./image.ts";
import type { ImageViews } from "./image-views.ts";
import { localPlugin } from "./local.ts";
import { nfsPlugin } from "./nfs.ts";
import type { PayloadPluginOptions } from "./payload-plugin.ts";
import type { VolumePlugin } from "./plugin.ts";
import { projectedPlugin } from "./projected.ts";
import { secretPlugin } from "./secret.ts";
import { fcPlugin, gitRepoPlugin, iscsiPlugin } from "./unsupported.ts";

export interface VolumePluginsOptions extends PayloadPluginOptions, CsiPluginOptions {
  events: Pick<PodEvents, "pod">;
  /** Where the runtime mounts no images. */
  imageViews: ImageViews | undefined;
}

export const volumePlugins = (options: VolumePluginsOptions): VolumePlugin[] => [
  emptyDirPlugin(),
  configMapPlugin(options),
  secretPlugin(options),
  downwardApiPlugin(options),
  projectedPlugin(options),
  hostPathPlugin(),
  imagePlugin(options.imageViews),
  localPlugin(options),
  nfsPlugin(),
  csiPlugin(options),
  iscsiPlugin(),
  fcPlugin(),
  gitRepoPlugin(),
];
