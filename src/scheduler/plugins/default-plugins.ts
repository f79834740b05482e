/** Upstream's plugins in upstream's order, with its weights (pkg/scheduler/apis/config/v1/default_plugins.go). */
import type { Plugin } from "../framework/plugin.ts";
import { defaultArgs, type PluginArgs } from "../plugin-args.ts";
import { dynamicResources } from "./dynamic-resources.ts";
import { imageLocality } from "./image-locality.ts";
import { interPodAffinity } from "./inter-pod-affinity.ts";
import { nodeAffinity } from "./node-affinity.ts";
import { nodeDeclaredFeatures } from "./node-declared-features.ts";
import { nodeName } from "./node-name.ts";
import { nodePorts } from "./node-ports.ts";
import { nodeResourcesBalancedAllocation } from "./node-resources-balanced-allocation.ts";
import { nodeResourcesFit } from "./node-resources-fit.ts";
import { nodeUnschedulable } from "./node-unschedulable.ts";
import { nodeVolumeLimits } from "./node-volume-limits.ts";
import { podTopologySpread } from "./pod-topology-spread.ts";
import { schedulingGates } from "./scheduling-gates.ts";
import { taintToleration } from "./taint-toleration.ts";
import { volumeBinding } from "./volume-binding.ts";
import { volumeRestrictions } from "./volume-restrictions.ts";
import { volumeZone } from "./volume-zone.ts";

export const pluginsWith = (args: PluginArgs): readonly Plugin[] => [
  schedulingGates,
  nodeUnschedulable,
  nodeName,
  taintToleration,
  nodeAffinity(args.NodeAffinity),
  nodePorts,
  nodeResourcesFit(args.NodeResourcesFit),
  volumeRestrictions,
  nodeVolumeLimits,
  volumeBinding(args.VolumeBinding),
  volumeZone,
  podTopologySpread(args.PodTopologySpread),
  interPodAffinity(args.InterPodAffinity),
  dynamicResources(args.DynamicResources),
  nodeResourcesBalancedAllocation(args.NodeResourcesBalancedAllocation),
  imageLocality,
  nodeDeclaredFeatures,
];

export const defaultPlugins = pluginsWith(defaultArgs);

export const defaultWeights: Readonly<Record<string, number>> = {
  TaintToleration: 3,
  NodeAffinity: 2,
  NodeResourcesFit: 1,
  PodTopologySpread: 2,
  InterPodAffinity: 2,
  DynamicResources: 2,
  NodeResourcesBalancedAllocation: 1,
  ImageLocality: 1,
};
