/** Eviction as a kubelet is told to do it: thresholds from its configuration, observations of this machine. */
import type { CriClient } from "../../cri/client.ts";
import type { Cgroups } from "../../linux/cgroups.ts";
import type { KubeletConfig } from "../config.ts";
import { Eviction, type EvictionOptions } from "./eviction.ts";
import { evictionThresholds } from "./thresholds.ts";
import { imageDirectory, observe, Usage } from "./usage.ts";

export interface KubeletEvictionOptions
  extends Pick<EvictionOptions, "clock" | "logger" | "events" | "directory" | "pods" | "reclaim" | "onChange" | "signal"> {
  config: KubeletConfig;
  cri: CriClient;
  cgroups: Cgroups;
}

export function kubeletEviction({ config, cri, cgroups, ...options }: KubeletEvictionOptions): Eviction {
  const usage = new Usage(config, cri, cgroups);
  let imageRoot = "";
  return new Eviction({
    ...options,
    thresholds: evictionThresholds(config),
    maxPodGrace: config.evictionMaxPodGracePeriod,
    transitionPeriod: config.evictionPressureTransitionPeriod,
    usage: (pods) => usage.of(pods),
    observe: async () => {
      imageRoot ||= await imageDirectory(cri, config.rootDir);
      return observe(config, imageRoot, cgroups);
    },
  });
}
