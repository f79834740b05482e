/** What plugins can be told (kubescheduler.config.k8s.io/v1, pluginConfig), with upstream's defaults. */
import type { NodeAffinity, TopologySpreadConstraint } from "../api/types/core-v1.gen.ts";
import { cpuAndMemory, type ResourceWeight } from "./plugins/resource-columns.ts";
import type { ScoringStrategy } from "./plugins/scoring-strategy.ts";

export interface PluginArgs {
  readonly DefaultPreemption: {
    /** Of the nodes that may help, so many are looked at, but no fewer than the second says. */
    readonly minCandidateNodesPercentage: number;
    readonly minCandidateNodesAbsolute: number;
  };
  readonly DynamicResources: {
    /** How long devices may be looked for on a node, milliseconds; 0 for as long as it takes. */
    readonly filterTimeout: number;
    /** How long devices may take to become ready, milliseconds. */
    readonly bindingTimeout: number;
  };
  readonly InterPodAffinity: {
    /** What a required affinity of a pod that runs counts for one that would satisfy it; 0 for nothing. */
    readonly hardPodAffinityWeight: number;
    readonly ignorePreferredTermsOfExistingPods: boolean;
  };
  readonly NodeAffinity: {
    /** On top of each pod's own. */
    readonly addedAffinity?: NodeAffinity;
  };
  readonly NodeResourcesBalancedAllocation: { readonly resources: readonly ResourceWeight[] };
  readonly NodeResourcesFit: {
    readonly ignoredResources: readonly string[];
    readonly ignoredResourceGroups: readonly string[];
    readonly scoringStrategy: ScoringStrategy;
  };
  readonly PodTopologySpread: {
    /** For pods that have none; undefined for the system's. */
    readonly defaultConstraints?: readonly TopologySpreadConstraint[];
  };
  readonly VolumeBinding: {
    readonly bindTimeoutSeconds: number;
  };
}

export const defaultArgs: PluginArgs = {
  DefaultPreemption: { minCandidateNodesPercentage: 10, minCandidateNodesAbsolute: 100 },
  // Upstream's filterTimeout is 10 s: here all else waits meanwhile.
  DynamicResources: { filterTimeout: 1000, bindingTimeout: 600_000 },
  InterPodAffinity: { hardPodAffinityWeight: 1, ignorePreferredTermsOfExistingPods: false },
  NodeAffinity: {},
  NodeResourcesBalancedAllocation: { resources: cpuAndMemory },
  NodeResourcesFit: { ignoredResources: [], ignoredResourceGroups: [], scoringStrategy: { type: "LeastAllocated", resources: cpuAndMemory } },
  PodTopologySpread: {},
  VolumeBinding: { bindTimeoutSeconds: 600 },
};
