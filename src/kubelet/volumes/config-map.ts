import { type PayloadPluginOptions, payloadPlugin } from "./payload-plugin.ts";
import type { VolumePlugin } from "./plugin.ts";

export const configMapPlugin = (options: PayloadPluginOptions): VolumePlugin =>
  payloadPlugin("kubernetes.io/configmap", "configMap", { ...options, inMemory: false });
