/**
 * How the scheduler works: its profiles and back-offs, read from kubescheduler.config.k8s.io/v1 KubeSchedulerConfiguration.
 * What is not supported is refused by name; nothing is read and then ignored.
 */
import { type FieldError, forbiddenField, invalidValue, notSupported, Path, required } from "../api/field.ts";
import type { Plugin } from "./framework/plugin.ts";
import type { Profile } from "./framework/schedule.ts";
import { defaultPlugins, defaultWeights } from "./plugins/default-plugins.ts";

export interface SchedulerConfig {
  /** By scheduler name. */
  readonly profiles: ReadonlyMap<string, Profile>;
  /** Milliseconds. @default 1000 */
  readonly podInitialBackoff?: number;
  /** Milliseconds. @default 10000 */
  readonly podMaxBackoff?: number;
}

const defaultName = "default-scheduler";
const defaultProfile: Profile = { plugins: defaultPlugins, weights: defaultWeights, percentageOfNodesToScore: 0, preempts: true };

export const defaultConfig: SchedulerConfig = { profiles: new Map([[defaultName, defaultProfile]]) };

/** Every error at once, each with the path of its field. */
export class SchedulerConfigError extends Error {
  readonly errors: readonly FieldError[];
  constructor(errors: readonly FieldError[]) {
    super(errors.map(({ field, body }) => `${field}: ${body}`).join("\n"));
    this.errors = errors;
  }
}

type Fields = Record<string, unknown>;

/** Reads one object of the configuration, noting what is wrong with it. */
class Reader {
  readonly #errors: FieldError[];
  constructor(errors: FieldError[]) {
    this.#errors = errors;
  }
  fail(error: FieldError): void {
    this.#errors.push(error);
  }
  fields(value: unknown, at: Path | undefined, known: readonly string[]): Fields {
    if (value === undefined || value === null) return {};
    if (typeof value !== "object" || Array.isArray(value)) {
      this.fail(invalidValue(at ?? "configuration", value, "must be an object"));
      return {};
    }
    const fields = value as Fields;
    for (const key of Object.keys(fields)) {
      if (!known.includes(key)) this.fail(forbiddenField(at ? at.child(key) : new Path(key), "not supported by this scheduler"));
    }
    return fields;
  }
  list(value: unknown, at: Path): unknown[] {
    if (value === undefined || value === null) return [];
    if (Array.isArray(value)) return value;
    this.fail(invalidValue(at, value, "must be a list"));
    return [];
  }
  number(value: unknown, at: Path, from: number, to: number, otherwise: number): number {
    if (value === undefined || value === null) return otherwise;
    if (typeof value === "number" && Number.isInteger(value) && value >= from && value <= to) return value;
    this.fail(invalidValue(at, value, to === Number.MAX_SAFE_INTEGER ? `must be at least ${from}` : `not in valid range [${from}-${to}]`));
    return otherwise;
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

/** Names that cannot be chosen apart: every scheduler here binds so, orders so and refuses pods with resource claims. */
const fixed = ["PrioritySort", "DefaultBinder"];
const preemption = "DefaultPreemption";
const names = defaultPlugins.map(({ name }) => name);
const isOff = (set: PluginSet, name: string): boolean =>
  (set.disabled.has("*") || set.disabled.has(name)) && !set.enabled.some((enabled) => enabled.name === name);

function readProfile(read: Reader, value: unknown, at: Path, percentage: number): [name: string, profile: Profile] {
  const { schedulerName, plugins, percentageOfNodesToScore } = read.fields(value, at, ["schedulerName", "plugins", "percentageOfNodesToScore"]);
  if (schedulerName !== undefined && (typeof schedulerName !== "string" || !schedulerName)) read.fail(required(at.child("schedulerName"), ""));
  const where = at.child("plugins");
  const sets = read.fields(plugins, where, ["multiPoint", "filter", "score", "postFilter"]);
  const all = readSet(read, sets.multiPoint, where.child("multiPoint"), [...names, preemption, ...fixed]);
  const filter = readSet(read, sets.filter, where.child("filter"), names);
  const score = readSet(read, sets.score, where.child("score"), names);
  const after = readSet(read, sets.postFilter, where.child("postFilter"), [preemption]);
  for (const name of fixed) if (isOff(all, name)) read.fail(forbiddenField(where.child("multiPoint", "disabled"), `${name} cannot be disabled`));
  const weights: Record<string, number> = { ...defaultWeights };
  for (const { name, weight } of [...all.enabled, ...score.enabled]) if (weight > 0) weights[name] = weight;
  const chosen = defaultPlugins.flatMap((plugin): Plugin[] => {
    const { name } = plugin;
    const off = isOff(all, name);
    const keepsFilter = (!off && !isOff(filter, name)) || filter.enabled.some((enabled) => enabled.name === name);
    const keepsScore = (!off && !isOff(score, name)) || score.enabled.some((enabled) => enabled.name === name);
    if (off && !keepsFilter && !keepsScore) return [];
    const { filter: itsFilter, score: itsScore, ...rest } = plugin;
    return [{ ...rest, ...(keepsFilter && itsFilter ? { filter: itsFilter } : {}), ...(keepsScore && itsScore ? { score: itsScore } : {}) }];
  });
  const profile: Profile = {
    plugins: chosen,
    weights,
    percentageOfNodesToScore: read.number(percentageOfNodesToScore, at.child("percentageOfNodesToScore"), 0, 100, percentage),
    preempts: !isOff(all, preemption) && !isOff(after, preemption),
  };
  return [typeof schedulerName === "string" ? schedulerName : defaultName, profile];
}

const known = ["apiVersion", "kind", "percentageOfNodesToScore", "podInitialBackoffSeconds", "podMaxBackoffSeconds", "profiles"];

/** Throws SchedulerConfigError. */
export function parseSchedulerConfig(value: unknown): SchedulerConfig {
  const errors: FieldError[] = [];
  const read = new Reader(errors);
  const fields = read.fields(value, undefined, known);
  const version = "kubescheduler.config.k8s.io/v1";
  if (fields.apiVersion !== version) errors.push(notSupported(new Path("apiVersion"), String(fields.apiVersion ?? ""), [version]));
  if (fields.kind !== "KubeSchedulerConfiguration") errors.push(notSupported(new Path("kind"), String(fields.kind ?? ""), ["KubeSchedulerConfiguration"]));
  const percentage = read.number(fields.percentageOfNodesToScore, new Path("percentageOfNodesToScore"), 0, 100, 0);
  const most = Number.MAX_SAFE_INTEGER;
  const initial = read.number(fields.podInitialBackoffSeconds, new Path("podInitialBackoffSeconds"), 1, most, 1);
  const max = read.number(fields.podMaxBackoffSeconds, new Path("podMaxBackoffSeconds"), 1, most, Math.max(10, initial));
  if (max < initial) errors.push(invalidValue(new Path("podMaxBackoffSeconds"), max, "must be greater than or equal to PodInitialBackoffSeconds"));
  const list = read.list(fields.profiles, new Path("profiles"));
  const profiles = new Map<string, Profile>();
  for (const [i, item] of (list.length ? list : [{}]).entries()) {
    const at = new Path("profiles").index(i);
    const [name, profile] = readProfile(read, item, at, percentage);
    if (profiles.has(name)) errors.push(invalidValue(at.child("schedulerName"), name, "must be unique"));
    profiles.set(name, profile);
  }
  if (errors.length) throw new SchedulerConfigError(errors);
  return { profiles, podInitialBackoff: initial * 1000, podMaxBackoff: max * 1000 };
}
