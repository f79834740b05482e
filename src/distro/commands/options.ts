/** Flags that many commands share, and how a command ends. */
import { resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { addressOf, defaultSettings, type Replaceable, replaceable, type ServingFlags, type Settings } from "../settings.ts";

const defaults = defaultSettings();
export const defaultRegistryPort = 5000;

export function port(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 65535) throw new InvalidArgumentError("a port is a number from 1 to 65535.");
  return value;
}
function network(text: string): string {
  try {
    addressOf(text, 0);
    return text;
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}.`);
  }
}

function parts(text: string): Replaceable[] {
  const given = text.split(",").map((part) => part.trim());
  const unknown = given.find((part) => !replaceable.some((one) => one === part));
  if (unknown !== undefined) throw new InvalidArgumentError(`${JSON.stringify(unknown)} cannot be disabled, only ${replaceable.join(" and ")}.`);
  return replaceable.filter((part) => given.includes(part));
}

export const withDataDir = (command: Command): Command => command.option("--data-dir <directory>", "where the cluster keeps everything", defaults.dataDir);

/** Adds the flags that make a Settings. */
export const withSettings = (command: Command): Command =>
  withDataDir(command)
    .option("--port <port>", "port of the API server", port, defaults.port)
    .option("--node-name <name>", "name of this machine's node", defaults.nodeName)
    .option("--pod-cidr <cidr>", "network of this node's pods", network, defaults.podCIDR)
    .option("--service-cidr <cidr>", "network of the Services", network, defaults.serviceCIDR)
    .option("--cluster-domain <domain>", "suffix of the cluster's DNS names", defaults.clusterDomain)
    .option("--disable <parts>", `what other programs do in place of the agent: ${replaceable.join(",")}`, parts)
    .option("--registry [port]", `a registry for images on 127.0.0.1, which the node asks first (port: ${defaultRegistryPort})`, port);

export interface SettingsOptions {
  dataDir: string;
  port: number;
  nodeName: string;
  podCidr: string;
  serviceCidr: string;
  clusterDomain: string;
  registry?: number | true;
  disable?: Replaceable[];
}

export const settingsFrom = ({ podCidr, serviceCidr, dataDir, port, nodeName, clusterDomain, registry, disable }: SettingsOptions): Settings => ({
  ...defaults,
  dataDir: resolve(dataDir),
  port,
  nodeName,
  podCIDR: podCidr,
  serviceCIDR: serviceCidr,
  clusterDomain,
  disabled: disable ?? [],
  ...(registry === undefined ? {} : { registry: registry === true ? defaultRegistryPort : registry }),
});

const joined = (text: string, before?: string): string => (before ? `${before},${text}` : text);

/** Adds kube-apiserver's flags that say which APIs and features there are; each may be repeated. */
export const withServing = (command: Command): Command =>
  command
    .option("--runtime-config <apis>", "APIs to serve or to leave out, such as networking.k8s.io/v1beta1=true", joined)
    .option("--feature-gates <features>", "features of Kubernetes to switch, such as ClusterTrustBundle=true", joined);
export const servingFlags = ({ runtimeConfig, featureGates }: ServingFlags): string[] => [
  ...(runtimeConfig ? [`--runtime-config=${runtimeConfig}`] : []),
  ...(featureGates ? [`--feature-gates=${featureGates}`] : []),
];

export interface SimulateFlags {
  simulate?: boolean;
  nodes?: number;
  stage?: string[];
}
const integer =
  (least: number, most: number) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isInteger(value) || value < least || value > most)
      throw new InvalidArgumentError(`it is a whole number from ${least} to ${most}.`);
    return value;
  };
/** Of nodes. */
export const count = integer(1, 32768);
export const seed = integer(0, 2 ** 32 - 1);
export const portOrAny = integer(0, 65535);
export const stageFiles = (file: string, all: string[] = []): string[] => [...all, resolve(file)];

/** Adds the flags of simulated nodes. */
export const withSimulation = (command: Command): Command =>
  command
    .option("--simulate", "no containers and no root: pods of simulated nodes become Running and Succeeded")
    .option("--nodes <count>", "with --simulate: how many nodes (default: 1)", count)
    .option("--stage <file>", "with --simulate: a file of kwok Stages instead of the built-in ones; may be repeated", stageFiles);

/** Undefined without --simulate. */
export function simulateFrom({ simulate, nodes, stage }: SimulateFlags): { nodes: number; stages: string[] } | undefined {
  if (!simulate && (nodes !== undefined || stage !== undefined))
    throw new UsageError(`${nodes === undefined ? "--stage" : "--nodes"} is for simulated nodes: add --simulate`, 2);
  return simulate ? { nodes: nodes ?? 1, stages: stage ?? [] } : undefined;
}
export const simulateFlags = ({ nodes, stages }: { nodes: number; stages: string[] }): string[] => [
  "--simulate",
  `--nodes=${nodes}`,
  ...stages.map((file) => `--stage=${file}`),
];

/** The same settings as flags, for another process. */
export const settingsFlags = (settings: Settings): string[] => [
  `--data-dir=${settings.dataDir}`,
  `--port=${settings.port}`,
  `--node-name=${settings.nodeName}`,
  `--pod-cidr=${settings.podCIDR}`,
  `--service-cidr=${settings.serviceCIDR}`,
  `--cluster-domain=${settings.clusterDomain}`,
  ...(settings.disabled.length ? [`--disable=${settings.disabled.join(",")}`] : []),
  ...(settings.registry === undefined ? [] : [`--registry=${settings.registry}`]),
];

/** An error whose message is the whole story for the person at the terminal. */
export class UsageError extends Error {
  override name = "UsageError";
  readonly exitCode: number;
  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}
