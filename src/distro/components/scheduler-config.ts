/** KubeSchedulerConfiguration (kubescheduler.config.k8s.io/v1) as far as the scheduler can be told. */
import { type SchedulerConfig, defaultConfig } from "../../scheduler/config.ts";
import type { Profile } from "../../scheduler/framework/schedule.ts";
import { type ConfigTable, only, readConfigFile } from "./config-file.ts";
import { FlagError } from "./flag-error.ts";
import type { LeaderElectionFlags } from "./leader.ts";

const limits = "requests are not limited by the client; the API server's own limits hold";
const table: ConfigTable = {
  "leaderElection.leaderElect": { type: "bool" },
  "leaderElection.leaseDuration": { type: "duration" },
  "leaderElection.renewDeadline": { type: "duration" },
  "leaderElection.retryPeriod": { type: "duration" },
  "leaderElection.resourceLock": only("leases", "other locks were removed from Kubernetes"),
  "leaderElection.resourceName": { type: "string" },
  "leaderElection.resourceNamespace": { type: "string" },
  "clientConnection.kubeconfig": { type: "string" },
  "clientConnection.acceptContentTypes": only("", "JSON is spoken"),
  "clientConnection.contentType": only("application/vnd.kubernetes.protobuf", "JSON is spoken"),
  "clientConnection.qps": only(50, limits),
  "clientConnection.burst": only(100, limits),
  podInitialBackoffSeconds: { type: "int" },
  podMaxBackoffSeconds: { type: "int" },
  percentageOfNodesToScore: { type: "int" },
  profiles: { type: "list" },
  parallelism: only(16, "pods are decided one after the other on one thread"),
  extenders: only([], "other schedulers are not asked"),
  enableProfiling: only(true, "there is no Go runtime to profile"),
  enableContentionProfiling: only(true, "there is no Go runtime to profile"),
  delayCacheUntilActive: only(false, "caches are filled before the lease is held"),
};

export interface SchedulerFile {
  config: SchedulerConfig;
  kubeconfig?: string;
  leaderElection: Partial<LeaderElectionFlags>;
}

const isMap = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

/** Throws FlagError. */
export function readSchedulerConfig(file: string): SchedulerFile {
  const values = readConfigFile(file, { apiVersion: "kubescheduler.config.k8s.io/v1", kind: "KubeSchedulerConfiguration" }, table);
  const problems: string[] = [];
  const percentage = values.get<number>("percentageOfNodesToScore") ?? 0;
  const initial = values.get<number>("podInitialBackoffSeconds") ?? 1;
  const most = values.get<number>("podMaxBackoffSeconds") ?? 10;
  if (percentage < 0 || percentage > 100) problems.push(`${file}: percentageOfNodesToScore: not in valid range [0-100]`);
  if (initial <= 0) problems.push(`${file}: podInitialBackoffSeconds: must be greater than 0`);
  if (most < initial) problems.push(`${file}: podMaxBackoffSeconds: must be greater than or equal to PodInitialBackoffSeconds`);
  const profiles = new Map<string, Profile>();
  for (const [i, given] of (values.get<unknown[]>("profiles") ?? [{}]).entries()) {
    const at = `${file}: profiles[${i}]`;
    if (!isMap(given)) {
      problems.push(`${at}: it must be a mapping`);
      continue;
    }
    const { schedulerName = "default-scheduler", percentageOfNodesToScore = percentage, plugins = {}, pluginConfig = [], ...unknown } = given;
    for (const name of Object.keys(unknown)) problems.push(`${at}.${name}: unknown field`);
    if (typeof schedulerName !== "string" || !schedulerName) problems.push(`${at}.schedulerName: it must be a string`);
    else if (profiles.has(schedulerName)) problems.push(`${at}.schedulerName: Duplicate value: ${JSON.stringify(schedulerName)}`);
    if (typeof percentageOfNodesToScore !== "number" || percentageOfNodesToScore < 0 || percentageOfNodesToScore > 100)
      problems.push(`${at}.percentageOfNodesToScore: not in valid range [0-100]`);
    if (Array.isArray(pluginConfig) ? pluginConfig.length : pluginConfig !== null)
      problems.push(`${at}.pluginConfig: plugins have their default arguments only`);
    const selected = selectPlugins(plugins, `${at}.plugins`, problems);
    profiles.set(String(schedulerName), { ...selected, percentageOfNodesToScore: Number(percentageOfNodesToScore) });
  }
  if (!profiles.size) problems.push(`${file}: profiles: Required value`);
  if (problems.length) throw new FlagError(problems);
  return {
    config: { profiles, podInitialBackoff: initial * 1000, podMaxBackoff: most * 1000 },
    kubeconfig: values.get("clientConnection.kubeconfig"),
    leaderElection: leaderElection(values),
  };
}

function leaderElection(values: { get<T>(path: string): T | undefined }): Partial<LeaderElectionFlags> {
  const named = {
    "leader-elect": values.get("leaderElection.leaderElect"),
    "leader-elect-lease-duration": values.get("leaderElection.leaseDuration"),
    "leader-elect-renew-deadline": values.get("leaderElection.renewDeadline"),
    "leader-elect-retry-period": values.get("leaderElection.retryPeriod"),
    "leader-elect-resource-name": values.get("leaderElection.resourceName"),
    "leader-elect-resource-namespace": values.get("leaderElection.resourceNamespace"),
  };
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined)) as Partial<LeaderElectionFlags>;
}

/** `plugins.multiPoint`: what is left out, and weights. */
function selectPlugins(given: unknown, at: string, problems: string[]): Omit<Profile, "percentageOfNodesToScore"> {
  const base = [...defaultConfig.profiles.values()][0] as Profile;
  const { multiPoint = {}, ...points } = isMap(given) ? given : {};
  for (const [point, set] of Object.entries(points))
    if (isMap(set) && Object.keys(set).length) problems.push(`${at}.${point}: single extension points cannot be configured, only multiPoint`);
  const { enabled = [], disabled = [] } = isMap(multiPoint) ? multiPoint : {};
  const known = new Set([...base.plugins.map(({ name }) => name), "DefaultPreemption", "DefaultBinder", "PrioritySort"]);
  const named = (list: unknown, where: string): { name: string; weight?: number }[] => {
    const items = Array.isArray(list) ? (list as { name: string; weight?: number }[]) : [];
    for (const { name } of items)
      if (name !== "*" && !known.has(name)) problems.push(`${where}: no plugin ${JSON.stringify(name)}; there are ${[...known].join(", ")}`);
    return items;
  };
  const off = named(disabled, `${at}.multiPoint.disabled`).map(({ name }) => name);
  const on = named(enabled, `${at}.multiPoint.enabled`);
  for (const name of ["DefaultBinder", "PrioritySort"])
    if (off.includes(name) && !on.some((one) => one.name === name))
      problems.push(`${at}.multiPoint.disabled: ${name} cannot be left out: nothing stands for it`);
  const isOn = (name: string): boolean => on.some((one) => one.name === name) || !(off.includes("*") || off.includes(name));
  const weights = Object.fromEntries(on.flatMap(({ name, weight }) => (weight ? [[name, weight]] : [])));
  return { plugins: base.plugins.filter(({ name }) => isOn(name)), weights: { ...base.weights, ...weights }, preempts: isOn("DefaultPreemption") };
}
