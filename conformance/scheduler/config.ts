/** Random KubeSchedulerConfigurations: one profile whose plugins are told something. */
import type { Random } from "../../src/base/random.ts";
import { chance, maybe, pick, times } from "./pick.ts";

/** `wild`: values out of bounds too. */
function argsOf(random: Random, wild: boolean): Record<string, object> {
  const one = <T>(good: readonly T[], bad: readonly T[]): T => (wild && chance(random, 0.35) ? pick(random, bad) : pick(random, good));
  const resource = (names: readonly string[], weights: readonly number[], badWeights: readonly number[]): object => ({
    name: pick(random, names),
    weight: one(weights, badWeights),
  });
  const shape = (): object[] => {
    const count = 1 + random.int(3);
    return times(count, (i) => ({ utilization: i * 40, score: pick(random, [0, 3, 7, 10]) }));
  };
  const strategy = (): object => {
    const type = pick(random, ["LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"]);
    return {
      type,
      // Upstream checks these when the plugin is made, not with the rest.
      resources: ["cpu", "memory", "example.com/dev", "ephemeral-storage", "example.com/gpu", "deviceclass.resource.kubernetes.io/fast"]
        .filter(() => chance(random, 0.6))
        .map((name) => resource([name], [1, 3, 100], [1])),
      ...(type === "RequestedToCapacityRatio" ? { requestedToCapacityRatio: { shape: shape() } } : {}),
    };
  };
  const constraint = (): object => ({
    maxSkew: one([1, 2], [0, -1]),
    topologyKey: one(["kubernetes.io/hostname", "topology.kubernetes.io/zone", "disk"], ["", "a/b/c"]),
    whenUnsatisfiable: one(["DoNotSchedule", "ScheduleAnyway"], ["", "Maybe"]),
    ...(wild && chance(random, 0.1) ? { labelSelector: {} } : {}),
  });
  const added = { nodeSelectorTerms: [{ matchExpressions: [{ key: "disk", operator: pick(random, ["Exists", "DoesNotExist"]) }] }] };
  const constraints = times(random.int(3), constraint).filter(
    (one, i, all) =>
      wild || all.findIndex((other) => JSON.stringify(other).replace(/"maxSkew":\d/, "") === JSON.stringify(one).replace(/"maxSkew":\d/, "")) === i,
  );
  return {
    DefaultPreemption: { minCandidateNodesPercentage: one([10, 100], [-1, 0, 101]), minCandidateNodesAbsolute: one([100], [-1, 0]) },
    InterPodAffinity: { hardPodAffinityWeight: one([0, 1, 7, 100], [-1, 101]), ignorePreferredTermsOfExistingPods: chance(random, 0.5) },
    NodeAffinity: {
      addedAffinity: {
        ...maybe(random, 0.5, () => ({ requiredDuringSchedulingIgnoredDuringExecution: added })),
        ...maybe(random, 0.5, () => ({ preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 5, preference: added.nodeSelectorTerms[0] }] })),
      },
    },
    NodeResourcesBalancedAllocation: {
      resources: ["cpu", "memory", "example.com/dev", "example.com/gpu"].filter(() => chance(random, 0.7)).map((name) => resource([name], [1], [2])),
    },
    NodeResourcesFit: {
      ignoredResources: [...(chance(random, 0.3) ? ["example.com/dev"] : [])],
      ignoredResourceGroups: [...(chance(random, 0.1) ? ["example.com"] : [])],
      scoringStrategy: strategy(),
    },
    PodTopologySpread: { defaultingType: one(["List"], ["System", "Other"]), defaultConstraints: constraints },
    VolumeBinding: { bindTimeoutSeconds: one([0, 600], [-1]) },
  };
}

function randomExtender(random: Random): object {
  return {
    urlPrefix: "http://127.0.0.1:1/x",
    ...maybe(random, 0.5, () => ({ prioritizeVerb: "p", weight: pick(random, [0, 1, -1]) })),
    ...maybe(random, 0.5, () => ({ bindVerb: "b" })),
    ...maybe(random, 0.5, () => ({ managedResources: times(1 + random.int(2), () => ({ name: pick(random, ["example.com/dev", "cpu", "a/b/c", ""]) })) })),
  };
}

/** Plugins that are left out, as a whole or at one point, or weigh otherwise. */
function randomPlugins(random: Random): object {
  const filters = [
    "NodeUnschedulable",
    "TaintToleration",
    "NodeAffinity",
    "NodePorts",
    "NodeResourcesFit",
    "NodeVolumeLimits",
    "VolumeZone",
    "VolumeBinding",
    "PodTopologySpread",
    "InterPodAffinity",
  ];
  const scores = [
    "TaintToleration",
    "NodeAffinity",
    "NodeResourcesFit",
    "PodTopologySpread",
    "InterPodAffinity",
    "NodeResourcesBalancedAllocation",
    "ImageLocality",
  ];
  const some = (of: readonly string[]): { name: string }[] => of.filter(() => chance(random, 0.12)).map((name) => ({ name }));
  const weighted = scores.filter(() => chance(random, 0.15)).map((name) => ({ name, ...maybe(random, 0.7, () => ({ weight: 1 + random.int(5) })) }));
  return {
    filter: { disabled: some(filters) },
    score: { disabled: some(scores).filter(({ name }) => !weighted.some((one) => one.name === name)), enabled: weighted },
    multiPoint: { disabled: some([...filters, "ImageLocality"]).filter(({ name }) => !weighted.some((one) => one.name === name)) },
    ...maybe(random, 0.2, () => ({ postFilter: { disabled: [{ name: "DefaultPreemption" }] } })),
  };
}

export function randomConfig(random: Random, wild: boolean): object {
  const args = Object.entries(argsOf(random, wild)).filter(() => chance(random, 0.5));
  return {
    apiVersion: "kubescheduler.config.k8s.io/v1",
    kind: "KubeSchedulerConfiguration",
    ...(wild ? maybe(random, 0.3, () => ({ percentageOfNodesToScore: pick(random, [-1, 101]) })) : {}),
    ...(wild ? maybe(random, 0.3, () => ({ podInitialBackoffSeconds: pick(random, [0, 20]) })) : {}),
    ...(wild ? maybe(random, 0.4, () => ({ extenders: times(1 + random.int(2), () => randomExtender(random)) })) : {}),
    profiles: [
      {
        schedulerName: "default-scheduler",
        ...maybe(random, 0.5, () => ({ plugins: randomPlugins(random) })),
        pluginConfig: args.map(([name, args]) => ({ name, args })),
      },
    ],
  };
}
