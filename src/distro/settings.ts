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
}

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
    ...overrides,
  };
}

/** `offset`-th address of an IPv4 network in CIDR notation. */
export function addressOf(cidr: string, offset: number): string {
  const [base, bits] = cidr.split("/") as [string, string];
  const octets = base.split(".").map(Number);
  if (octets.length !== 4 || octets.some((o) => !(o >= 0 && o <= 255)) || !(Number(bits) >= 8 && Number(bits) <= 30))
    throw new Error(`${cidr} is not an IPv4 network such as 10.244.0.0/24`);
  const number = octets.reduce((n, o) => n * 256 + o, 0) + offset;
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join(".");
}

export const nodeAddress = (settings: Settings): string => addressOf(settings.podCIDR, 1);
/** The `kubernetes` Service. */
export const apiServiceAddress = (settings: Settings): string => addressOf(settings.serviceCIDR, 1);
export const dnsServiceAddress = (settings: Settings): string => addressOf(settings.serviceCIDR, 10);

/** Parent of every cgroup of ours, under each hierarchy's root. */
export const cgroupRoot = "k8ts";
