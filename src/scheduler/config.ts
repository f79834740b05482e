/**
 * How the scheduler works: its profiles and back-offs, read from kubescheduler.config.k8s.io/v1 KubeSchedulerConfiguration.
 * What is not supported is refused by name; nothing is read and then ignored.
 */
import { duplicate, type FieldError, forbiddenField, invalidValue, notSupported, Path, required } from "../api/field.ts";
import { readExtenders } from "./config/extenders.ts";
import { readPluginConfig } from "./config/plugin-config.ts";
import { Reader } from "./config/reader.ts";
import type { ExtenderConfig } from "./extender.ts";
import { isRejection, type Plugin } from "./framework/plugin.ts";
import type { Profile } from "./framework/schedule.ts";
import { defaultArgs } from "./plugin-args.ts";
import { defaultPlugins, defaultWeights, pluginsWith } from "./plugins/default-plugins.ts";

export interface SchedulerConfig {
  /** By scheduler name. */
  readonly profiles: ReadonlyMap<string, Profile>;
  /** Milliseconds. @default 1000 */
  readonly podInitialBackoff?: number;
  /** Milliseconds. @default 10000 */
  readonly podMaxBackoff?: number;
  /** In the order in which they are asked. */
  readonly extenders?: readonly ExtenderConfig[];
}

const defaultName = "default-scheduler";
const defaultProfile: Profile = {
  plugins: defaultPlugins,
  weights: defaultWeights,
  percentageOfNodesToScore: 0,
  preempts: true,
  freesDevices: true,
  preemption: defaultArgs.DefaultPreemption,
};

export const defaultConfig: SchedulerConfig = { profiles: new Map([[defaultName, defaultProfile]]) };

/** Every error at once, each with the path of its field. */
export class SchedulerConfigError extends Error {
  readonly errors: readonly FieldError[];
  constructor(errors: readonly FieldError[]) {
    super(errors.map(({ field, body }) => `${field}: ${body}`).join("\n"));
    this.errors = errors;
  }
}

interface PluginSet {
  enabled: { name: string; weight: number }[];
  disabled: Set<string>;
}

function readSet(read: Reader, value: unknown, at: Path, choices: readonly string[]): PluginSet {
  const { enabled, disabled } = read.fields(value, at, ["enabled", "disabled"]);
  const named = (list: unknown, where: Path, withAll: boolean): { name: string; weight: number }[] =>
    read.list(list, where).flatMap((item, i) => {
      const { name, weight } = read.fields(item, where.index(i), ["name", "weight"]);
      if (typeof name !== "string" || !(choices.includes(name) || (withAll && name === "*"))) {
        read.fail(name === undefined ? required(where.index(i).child("name"), "") : notSupported(where.index(i).child("name"), name, choices));
        return [];
      }
      return [{ name, weight: read.number(weight, where.index(i).child("weight"), 0, 2 ** 31 - 1, 0) }];
    });
  return {
    enabled: named(enabled, at.child("enabled"), false),
    disabled: new Set(named(disabled, at.child("disabled"), true).map(({ name }) => name)),
  };
}

/** Names that cannot be chosen apart: every scheduler here binds so and orders so. */
const fixed = ["PrioritySort", "DefaultBinder"];
const preemption = "DefaultPreemption";
const devices = "DynamicResources";
const names = defaultPlugins.map(({ name }) => name);
const isOff = (set: PluginSet, name: string): boolean =>
  (set.disabled.has("*") || set.disabled.has(name)) && !set.enabled.some((enabled) => enabled.name === name);

/** A filter that no longer looks at nodes, but still says at once what no node can change, and which nodes come into question. */
const withoutCheck =
  (filter: NonNullable<Plugin["filter"]>): NonNullable<Plugin["filter"]> =>
  (cycle) => {
    const prepared = filter(cycle);
    if (prepared === "skip" || isRejection(prepared)) return prepared;
    return prepared.nodeNames ? { nodeNames: prepared.nodeNames } : "skip";
  };

/** Its share of nodes may be left to the configuration. */
type ReadProfile = Omit<Profile, "percentageOfNodesToScore"> & { percentageOfNodesToScore: number | undefined };

/** `alone`: the only one may do without a name. */
function readProfile(read: Reader, value: unknown, at: Path, alone: boolean, ignored: readonly string[]): [name: string, profile: ReadProfile] {
  const known = ["schedulerName", "plugins", "pluginConfig", "percentageOfNodesToScore"];
  const { schedulerName = alone ? defaultName : undefined, plugins, pluginConfig, percentageOfNodesToScore } = read.fields(value, at, known);
  if (typeof schedulerName !== "string" || !schedulerName) read.fail(required(at.child("schedulerName"), ""));
  const given = percentageOfNodesToScore !== undefined && percentageOfNodesToScore !== null;
  const own = given ? read.number(percentageOfNodesToScore, at.child("percentageOfNodesToScore"), 0, 100, 0) : undefined;
  const told = readPluginConfig(read, pluginConfig, at.child("pluginConfig"), [...names, ...fixed]);
  const fit = told.NodeResourcesFit;
  const args = ignored.length ? { ...told, NodeResourcesFit: { ...fit, ignoredResources: [...fit.ignoredResources, ...ignored] } } : told;
  const where = at.child("plugins");
  const sets = read.fields(plugins, where, ["multiPoint", "filter", "score", "postFilter"]);
  const all = readSet(read, sets.multiPoint, where.child("multiPoint"), [...names, preemption, ...fixed]);
  const filter = readSet(read, sets.filter, where.child("filter"), names);
  const score = readSet(read, sets.score, where.child("score"), names);
  const after = readSet(read, sets.postFilter, where.child("postFilter"), [preemption, devices]);
  for (const name of fixed) if (isOff(all, name)) read.fail(forbiddenField(where.child("multiPoint", "disabled"), `${name} cannot be disabled`));
  const weights: Record<string, number> = { ...defaultWeights };
  // Who names a plugin without a weight says 1, whatever its weight is by default.
  for (const { name, weight } of [...all.enabled, ...score.enabled]) weights[name] = weight || 1;
  const chosen = pluginsWith(args).flatMap((plugin): Plugin[] => {
    const { name } = plugin;
    const off = isOff(all, name);
    const keepsFilter = (!off && !isOff(filter, name)) || filter.enabled.some((enabled) => enabled.name === name);
    const keepsScore = (!off && !isOff(score, name)) || score.enabled.some((enabled) => enabled.name === name);
    if (off && !keepsFilter && !keepsScore) return [];
    const { filter: itsFilter, score: itsScore, ...rest } = plugin;
    // What comes before the nodes are looked at is a point of its own, which stays.
    const checking = itsFilter && (keepsFilter ? itsFilter : withoutCheck(itsFilter));
    return [{ ...rest, ...(checking ? { filter: checking } : {}), ...(keepsScore && itsScore ? { score: itsScore } : {}) }];
  });
  const profile: ReadProfile = {
    plugins: chosen,
    weights,
    percentageOfNodesToScore: own,
    preempts: !isOff(all, preemption) && !isOff(after, preemption),
    freesDevices: !isOff(all, devices) && !isOff(after, devices),
    preemption: args.DefaultPreemption,
  };
  return [String(schedulerName), profile];
}

const known = ["apiVersion", "extenders", "kind", "percentageOfNodesToScore", "podInitialBackoffSeconds", "podMaxBackoffSeconds", "profiles"];

/** Throws SchedulerConfigError. */
export function parseSchedulerConfig(value: unknown): SchedulerConfig {
  const read = new Reader();
  const { errors } = read;
  const fields = read.fields(value, undefined, known);
  const version = "kubescheduler.config.k8s.io/v1";
  if (fields.apiVersion !== version) errors.push(notSupported(new Path("apiVersion"), String(fields.apiVersion ?? ""), [version]));
  if (fields.kind !== "KubeSchedulerConfiguration") errors.push(notSupported(new Path("kind"), String(fields.kind ?? ""), ["KubeSchedulerConfiguration"]));
  // Profiles come first among the errors, extenders last.
  const last = new Reader();
  const { extenders, ignoredResources } = readExtenders(last, fields.extenders, new Path("extenders"));
  const list = read.list(fields.profiles, new Path("profiles"));
  const profiles = new Map<string, ReadProfile>();
  for (const [i, item] of (list.length ? list : [{}]).entries()) {
    const at = new Path("profiles").index(i);
    const [name, profile] = readProfile(read, item, at, list.length < 2, ignoredResources);
    const before = [...profiles.keys()].indexOf(name);
    if (before >= 0) errors.push(duplicate(at.child("schedulerName"), `profiles[${before}].schedulerName`));
    profiles.set(name, profile);
  }
  const percentage = read.number(fields.percentageOfNodesToScore, new Path("percentageOfNodesToScore"), 0, 100, 0);
  const initial = read.integer(fields.podInitialBackoffSeconds, new Path("podInitialBackoffSeconds"), 1);
  const max = read.integer(fields.podMaxBackoffSeconds, new Path("podMaxBackoffSeconds"), 10);
  if (initial <= 0) errors.push(invalidValue(new Path("podInitialBackoffSeconds"), initial, "must be greater than 0"));
  if (max < initial) errors.push(invalidValue(new Path("podMaxBackoffSeconds"), max, "must be greater than or equal to PodInitialBackoffSeconds"));
  read.fail(...last.errors);
  // What holds for all profiles holds for those that say nothing.
  const settled = new Map([...profiles].map(([name, { percentageOfNodesToScore = percentage, ...rest }]) => [name, { ...rest, percentageOfNodesToScore }]));
  if (errors.length) throw new SchedulerConfigError(errors);
  return { profiles: settled, podInitialBackoff: initial * 1000, podMaxBackoff: max * 1000, extenders };
}
