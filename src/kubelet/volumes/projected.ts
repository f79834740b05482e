import { type PayloadPluginOptions, payloadPlugin } from "./payload-plugin.ts";
import type { VolumePlugin } from "./plugin.ts";

export const projectedPlugin = (options: PayloadPluginOptions): VolumePlugin =>
  payloadPlugin("kubernetes.io/projected", "projected", { ...options, inMemory: true });
