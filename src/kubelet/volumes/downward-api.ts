import { type PayloadPluginOptions, payloadPlugin } from "./payload-plugin.ts";
import type { VolumePlugin } from "./plugin.ts";

export const downwardApiPlugin = (options: PayloadPluginOptions): VolumePlugin =>
  payloadPlugin("kubernetes.io/downward-api", "downwardAPI", { ...options, inMemory: true });
