/** What one cluster is made of; `up` derives it from flags, the server and the agent are told it by their own flags. */
import { homedir, hostname } from "node:os";
import { join } from "node:path";

export interface Settings {
  dataDir: string;
  /** Port of the API server, on loopback and on the node's bridge address. */
  port: number;
  nodeName: string;
  /** Pod network of this node; its first address is the bridge's and the node's own. */
  podCIDR: string;
  serviceCIDR: string;
  clusterDomain: string;
  bridge: string;
  /** Port of a registry for images on loopback; absent: none. */
  registry?: number;
  /** What another program does in place of the agent. */
  disabled: readonly Replaceable[];
}

/** Which APIs and features the API server has besides its defaults, in kube-apiserver's words; chosen anew at each start. */
export interface ServingFlags {
  runtimeConfig?: string;
  featureGates?: string;
}

/** Parts of the agent that upstream's kube-proxy and CoreDNS, or others, may take the place of. */
export const replaceable = ["proxy", "dns"] as const;
export type Replaceable = (typeof replaceable)[number];

export function defaultSettings(overrides: Partial<Settings> = {}): Settings {
  const root = process.getuid?.() === 0;
  return {
    dataDir: root ? "/var/lib/k8ts" : join(homedir(), ".k8ts"),
    port: 6443,
    nodeName: hostname().toLowerCase(),
    podCIDR: "10.244.0.0/24",
    serviceCIDR: "10.96.0.0/16",
    clusterDomain: "cluster.local",
    bridge: "k8ts0",
    disabled: [],
    ...overrides,
  };
}

/** `offset`-th address of an IPv4 network in CIDR notation. */
export function addressOf(cidr: string, offset: number): string {
  const [base, bits] = cidr.split("/") as [string, string];
  const octets = base.split(".").map(Number);
  if (!/^\d{1,3}(\.\d{1,3}){3}\/\d{1,2}$/.test(cidr) || octets.some((o) => o > 255) || !(Number(bits) >= 8 && Number(bits) <= 30))
    throw new Error(`${cidr} is not an IPv4 network such as 10.244.0.0/24`);
  const number = octets.reduce((n, o) => n * 256 + o, 0) + offset;
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join(".");
}

/** What makes no cluster, as sentences with the flag's name in them. */
export function settingsProblems(settings: Settings): string[] {
  const problems: string[] = [];
  const [pods, services] = [rangeOf(settings.podCIDR), rangeOf(settings.serviceCIDR)];
  for (const [flag, cidr] of [
    ["--pod-cidr", settings.podCIDR],
    ["--service-cidr", settings.serviceCIDR],
  ] as const) {
    const base = addressOf(cidr, 0);
    const bits = Number(cidr.split("/")[1]);
    const { first } = rangeOf(cidr);
    const network = [24, 16, 8, 0].map((shift) => (first >>> shift) & 255).join(".");
    if (network !== base) problems.push(`${flag} ${cidr} has bits beyond its prefix: the network is ${network}/${bits}`);
  }
  if (pods.first <= services.last && services.first <= pods.last)
    problems.push(`--pod-cidr ${settings.podCIDR} and --service-cidr ${settings.serviceCIDR} overlap: choose two networks without a common address`);
  if (services.last - services.first < 15) problems.push(`--service-cidr ${settings.serviceCIDR} is too small: DNS has its 10th address`);
  for (const [flag, name] of [
    ["--node-name", settings.nodeName],
    ["--cluster-domain", settings.clusterDomain],
  ] as const)
    if (name.length > 253 || !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(name))
      problems.push(`${flag} ${JSON.stringify(name)} is no DNS name: lower case letters, digits, '-' and '.', beginning and ending with a letter or digit`);
  return problems;
}

function rangeOf(cidr: string): { first: number; last: number } {
  const size = 2 ** (32 - Number(cidr.split("/")[1]));
  const address = addressOf(cidr, 0)
    .split(".")
    .reduce((n, octet) => n * 256 + Number(octet), 0);
  const first = Math.floor(address / size) * size;
  return { first, last: first + size - 1 };
}

export const nodeAddress = (settings: Settings): string => addressOf(settings.podCIDR, 1);
/** The `kubernetes` Service. */
export const apiServiceAddress = (settings: Settings): string => addressOf(settings.serviceCIDR, 1);
export const dnsServiceAddress = (settings: Settings): string => addressOf(settings.serviceCIDR, 10);

/** Parent of every cgroup of ours, under each hierarchy's root. */
export const cgroupRoot = "k8ts";
