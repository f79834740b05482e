/** `pluginConfig` of a profile, validated as upstream does (pkg/scheduler/apis/config/validation/validation_pluginargs.go). */
import { validateNodeAffinity } from "../../api/core/node-affinity.ts";
import { duplicate, duplicateNamed, forbiddenField, invalidValue, notSupported, type Path, required } from "../../api/field.ts";
import { validateLabelName } from "../../api/meta/labels.ts";
import type { NodeAffinity, TopologySpreadConstraint } from "../../api/types/core-v1.gen.ts";
import { defaultArgs, type PluginArgs } from "../plugin-args.ts";
import type { ResourceWeight } from "../plugins/resource-columns.ts";
import type { ScoringStrategy, ShapePoint } from "../plugins/scoring-strategy.ts";
import type { Fields, Reader } from "./reader.ts";

const typeMeta = ["apiVersion", "kind"];

function shapeOf(read: Reader, value: unknown, at: Path): ShapePoint[] {
  const points = read.list(value, at).map((item, i): ShapePoint => {
    const { utilization, score } = read.fields(item, at.index(i), ["utilization", "score"]);
    return { utilization: read.integer(utilization, at.index(i).child("utilization"), 0), score: read.integer(score, at.index(i).child("score"), 0) };
  });
  if (!points.length) read.fail(required(at, "at least one point must be specified"));
  const unsorted = points.findIndex(({ utilization }, i) => i > 0 && points[i - 1]!.utilization >= utilization);
  if (unsorted > 0)
    read.fail(invalidValue(at.index(unsorted).child("utilization"), points[unsorted]!.utilization, "values must be sorted in increasing order"));
  for (const [i, { utilization, score }] of points.entries()) {
    if (utilization < 0 || utilization > 100) read.fail(invalidValue(at.index(i).child("utilization"), utilization, "not in valid range [0, 100]"));
    if (score < 0 || score > 10) read.fail(invalidValue(at.index(i).child("score"), score, "not in valid range [0, 10]"));
  }
  return points;
}

function resourcesOf(read: Reader, value: unknown, at: Path, otherwise: readonly ResourceWeight[]): readonly ResourceWeight[] {
  const list = read.list(value, at).map((item, i): ResourceWeight => {
    const { name, weight } = read.fields(item, at.index(i), ["name", "weight"]);
    if (typeof name !== "string") read.fail(required(at.index(i).child("name")));
    // Upstream's default for what is not given, and for zero.
    return { name: String(name), weight: read.integer(weight, at.index(i).child("weight"), 1) || 1 };
  });
  return list.length ? list : otherwise;
}

function strategyOf(read: Reader, value: unknown, at: Path): ScoringStrategy {
  const standard = defaultArgs.NodeResourcesFit.scoringStrategy;
  if (value === undefined || value === null) return standard;
  const { type, resources, requestedToCapacityRatio } = read.fields(value, at, ["type", "resources", "requestedToCapacityRatio"]);
  const types = ["LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"] as const;
  const known = types.find((one) => one === type);
  if (!known) read.fail(notSupported(at.child("type"), String(type ?? ""), types));
  const list = resourcesOf(read, resources, at.child("resources"), standard.resources);
  for (const [i, { name, weight }] of list.entries()) {
    if (weight <= 0 || weight > 100)
      read.fail(invalidValue(at.child("resources").index(i).child("weight"), weight, `resource weight of ${name} not in valid range (0, 100]`));
  }
  const ratio = at.child("requestedToCapacityRatio");
  const given = requestedToCapacityRatio !== undefined && requestedToCapacityRatio !== null;
  if (known !== "RequestedToCapacityRatio") {
    if (given) read.fail(forbiddenField(ratio, "must be nil when type is not RequestedToCapacityRatio"));
    return { type: known ?? "LeastAllocated", resources: list };
  }
  if (!given) {
    read.fail(required(ratio, "must be specified when type is RequestedToCapacityRatio"));
    return standard;
  }
  const { shape } = read.fields(requestedToCapacityRatio, ratio, ["shape"]);
  return { type: known, resources: list, shape: shapeOf(read, shape, ratio.child("shape")) };
}

function constraintsOf(read: Reader, value: unknown, at: Path): TopologySpreadConstraint[] {
  const known = ["maxSkew", "topologyKey", "whenUnsatisfiable", "labelSelector", "minDomains", "nodeAffinityPolicy", "nodeTaintsPolicy", "matchLabelKeys"];
  const list = read.list(value, at).map((item, i) => read.fields(item, at.index(i), known) as Partial<TopologySpreadConstraint>);
  for (const [i, { maxSkew = 0, topologyKey = "", whenUnsatisfiable = "", labelSelector }] of list.entries()) {
    const here = at.index(i);
    if (maxSkew <= 0) read.fail(invalidValue(here.child("maxSkew"), maxSkew, "not in valid range (0, inf)"));
    if (!topologyKey) read.fail(required(here.child("topologyKey"), "can not be empty"));
    else read.fail(...validateLabelName(topologyKey, here.child("topologyKey")));
    const actions = ["DoNotSchedule", "ScheduleAnyway"];
    if (!whenUnsatisfiable) read.fail(required(here.child("whenUnsatisfiable"), "can not be empty"));
    else if (!actions.includes(whenUnsatisfiable)) read.fail(notSupported(here.child("whenUnsatisfiable"), whenUnsatisfiable, actions));
    if (labelSelector) read.fail(forbiddenField(here.child("labelSelector"), "constraint must not define a selector, as they deduced for each pod"));
    const again = list.slice(0, i).some((other) => other.topologyKey === topologyKey && other.whenUnsatisfiable === whenUnsatisfiable);
    if (again) read.fail(duplicate(here, `{${topologyKey}, ${whenUnsatisfiable}}`));
  }
  return list as TopologySpreadConstraint[];
}

type Readers = { readonly [Name in keyof PluginArgs]: (read: Reader, args: unknown, at: Path) => PluginArgs[Name] };

const readers: Readers = {
  DefaultPreemption(read, args, at) {
    const fields = read.fields(args, at, [...typeMeta, "minCandidateNodesPercentage", "minCandidateNodesAbsolute"]);
    const [percentageAt, absoluteAt] = [at.child("minCandidateNodesPercentage"), at.child("minCandidateNodesAbsolute")];
    const standard = defaultArgs.DefaultPreemption;
    const percentage = read.integer(fields.minCandidateNodesPercentage, percentageAt, standard.minCandidateNodesPercentage);
    const absolute = read.integer(fields.minCandidateNodesAbsolute, absoluteAt, standard.minCandidateNodesAbsolute);
    if (percentage < 0 || percentage > 100) read.fail(invalidValue(percentageAt, percentage, "not in valid range [0, 100]"));
    if (absolute < 0) read.fail(invalidValue(absoluteAt, absolute, "not in valid range [0, inf)"));
    if (percentage === 0 && absolute === 0) {
      read.fail(invalidValue(percentageAt, 0, "cannot be zero at the same time as minCandidateNodesAbsolute"));
      read.fail(invalidValue(absoluteAt, 0, "cannot be zero at the same time as minCandidateNodesPercentage"));
    }
    return { minCandidateNodesPercentage: percentage, minCandidateNodesAbsolute: absolute };
  },
  DynamicResources(read, args, at) {
    const fields = read.fields(args, at, [...typeMeta, "filterTimeout", "bindingTimeout"]);
    const standard = defaultArgs.DynamicResources;
    const [filterAt, bindingAt] = [at.child("filterTimeout"), at.child("bindingTimeout")];
    const filterTimeout = read.duration(fields.filterTimeout, filterAt, standard.filterTimeout);
    const bindingTimeout = read.duration(fields.bindingTimeout, bindingAt, standard.bindingTimeout);
    if (filterTimeout < 0) read.fail(invalidValue(filterAt, fields.filterTimeout, "must be zero or positive"));
    if (bindingTimeout < 1000) read.fail(invalidValue(bindingAt, fields.bindingTimeout, "must be at least 1 second"));
    return { filterTimeout, bindingTimeout };
  },
  InterPodAffinity(read, args, at) {
    const fields = read.fields(args, at, [...typeMeta, "hardPodAffinityWeight", "ignorePreferredTermsOfExistingPods"]);
    const weightAt = at.child("hardPodAffinityWeight");
    const hardPodAffinityWeight = read.integer(fields.hardPodAffinityWeight, weightAt, defaultArgs.InterPodAffinity.hardPodAffinityWeight);
    if (hardPodAffinityWeight < 0 || hardPodAffinityWeight > 100) read.fail(invalidValue(weightAt, hardPodAffinityWeight, "not in valid range [0, 100]"));
    const ignore = at.child("ignorePreferredTermsOfExistingPods");
    return { hardPodAffinityWeight, ignorePreferredTermsOfExistingPods: read.boolean(fields.ignorePreferredTermsOfExistingPods, ignore, false) };
  },
  NodeAffinity(read, args, at) {
    const { addedAffinity } = read.fields(args, at, [...typeMeta, "addedAffinity"]);
    const here = at.child("addedAffinity");
    const fields = read.fields(addedAffinity, here, ["requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution"]);
    read.fail(...validateNodeAffinity(fields as NodeAffinity, true, here));
    return addedAffinity ? { addedAffinity: fields as NodeAffinity } : {};
  },
  NodeResourcesBalancedAllocation(read, args, at) {
    const fields = read.fields(args, at, [...typeMeta, "resources"]);
    const here = at.child("resources");
    const resources = resourcesOf(read, fields.resources, here, defaultArgs.NodeResourcesBalancedAllocation.resources);
    for (const [i, { name, weight }] of resources.entries()) {
      if (resources.slice(0, i).some((other) => other.name === name)) read.fail(duplicate(here.index(i).child("name"), name));
      if (weight !== 1) read.fail(invalidValue(here.index(i).child("weight"), weight, "must be 1"));
    }
    return { resources };
  },
  NodeResourcesFit(read, args, at) {
    const fields = read.fields(args, at, [...typeMeta, "ignoredResources", "ignoredResourceGroups", "scoringStrategy"]);
    const ignoredResources = read.strings(fields.ignoredResources, at.child("ignoredResources"));
    for (const [i, name] of ignoredResources.entries()) read.fail(...validateLabelName(name, at.child("ignoredResources").index(i)));
    const groups = at.child("ignoredResourceGroups");
    const ignoredResourceGroups = read.strings(fields.ignoredResourceGroups, groups);
    for (const [i, group] of ignoredResourceGroups.entries()) {
      if (group.includes("/")) read.fail(invalidValue(groups.index(i), group, "resource group name can't contain '/'"));
      read.fail(...validateLabelName(group, groups.index(i)));
    }
    return { ignoredResources, ignoredResourceGroups, scoringStrategy: strategyOf(read, fields.scoringStrategy, at.child("scoringStrategy")) };
  },
  PodTopologySpread(read, args, at) {
    const fields = read.fields(args, at, [...typeMeta, "defaultConstraints", "defaultingType"]);
    const type = fields.defaultingType ?? "System";
    const types = ["System", "List"];
    const constraints = read.list(fields.defaultConstraints, at.child("defaultConstraints"));
    if (!types.includes(type as string)) read.fail(notSupported(at.child("defaultingType"), type, types));
    else if (type === "System" && constraints.length) read.fail(invalidValue(at.child("defaultingType"), type, "when .defaultConstraints are not empty"));
    const defaultConstraints = constraintsOf(read, constraints, at.child("defaultConstraints"));
    return type === "List" ? { defaultConstraints } : {};
  },
  VolumeBinding(read, args, at) {
    const fields = read.fields(args, at, [...typeMeta, "bindTimeoutSeconds", "shape"]);
    const here = at.child("bindTimeoutSeconds");
    const bindTimeoutSeconds = read.integer(fields.bindTimeoutSeconds, here, defaultArgs.VolumeBinding.bindTimeoutSeconds);
    if (bindTimeoutSeconds < 0) read.fail(invalidValue(here, bindTimeoutSeconds, "invalid BindTimeoutSeconds, should not be a negative value"));
    if (fields.shape !== undefined && fields.shape !== null)
      read.fail(invalidValue(at.child("shape"), fields.shape, "unexpected field `shape`, remove it or turn on the feature gate StorageCapacityScoring"));
    return { bindTimeoutSeconds };
  },
};

/** `names`: plugins that take no arguments. */
export function readPluginConfig(read: Reader, value: unknown, at: Path, names: readonly string[]): PluginArgs {
  const given: Partial<Record<keyof PluginArgs, PluginArgs[keyof PluginArgs]>> = {};
  const seen = new Set<string>();
  for (const [i, item] of read.list(value, at).entries()) {
    const here = at.index(i);
    const { name, args }: Fields = read.fields(item, here, ["name", "args"]);
    if (typeof name !== "string" || !name) {
      read.fail(required(here.child("name")));
      continue;
    }
    if (seen.has(name)) read.fail(duplicateNamed(here, name));
    seen.add(name);
    if (name in readers) {
      const kind = (args as Fields | undefined)?.kind;
      if (kind !== undefined && kind !== `${name}Args`) read.fail(invalidValue(here.child("args"), args, "has to match plugin args"));
      else given[name as keyof PluginArgs] = readers[name as keyof PluginArgs](read, args, here.child("args"));
    } else if (names.includes(name)) {
      if (args !== undefined && args !== null) read.fail(forbiddenField(here.child("args"), `${name} takes none`));
    } else read.fail(notSupported(here.child("name"), name, [...Object.keys(readers), ...names]));
  }
  return { ...defaultArgs, ...(given as Partial<PluginArgs>) };
}
