import { type PayloadPluginOptions, payloadPlugin } from "./payload-plugin.ts";
import type { VolumePlugin } from "./plugin.ts";

export const secretPlugin = (options: PayloadPluginOptions): VolumePlugin => payloadPlugin("kubernetes.io/secret", "secret", { ...options, inMemory: true });
