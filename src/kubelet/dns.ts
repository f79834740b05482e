/** Host names and resolver configuration of pods (upstream's pkg/kubelet/network/dns). Pure. */
import type { Pod, PodDNSConfigOption } from "../api/types/core-v1.gen.ts";
import { isHostNetwork } from "./pod.ts";

export interface DnsConfig {
  servers: string[];
  searches: string[];
  options: string[];
}

/** Reads a resolv.conf: the last `search` and `options` lines count; `domain` does not. */
export function parseResolvConf(text: string): DnsConfig {
  const config: DnsConfig = { servers: [], searches: [], options: [] };
  for (const line of text.split("\n")) {
    const content = line.replace(/[#;].*$/, "").trim();
    const [word, ...rest] = content.split(/\s+/);
    if (word === "nameserver" && rest[0]) config.servers.push(rest[0]);
    else if (word === "search") config.searches = rest.map((s) => (s === "." ? s : s.replace(/\.$/, "")));
    else if (word === "options") config.options = rest;
  }
  return config;
}

export interface ClusterDns {
  /** Addresses of the cluster's own server; none: ClusterFirst falls back to the machine's. */
  servers: readonly string[];
  domain: string;
  /** The machine's configuration; undefined: pods get none of it. */
  host: DnsConfig | undefined;
}

const unique = (values: string[]): string[] => [...new Set(values)];
const limits = { servers: 3, searches: 32, searchCharacters: 2048 };

function base(pod: Pod, cluster: ClusterDns, warn: (message: string) => void): DnsConfig {
  const host: DnsConfig = cluster.host
    ? { servers: [...cluster.host.servers], searches: [...cluster.host.searches], options: [...cluster.host.options] }
    : { servers: [], searches: [], options: [] };
  const policy = pod.spec.dnsPolicy ?? "ClusterFirst";
  if (policy === "None") return { servers: [], searches: [], options: [] };
  if (policy === "ClusterFirstWithHostNet" || (policy === "ClusterFirst" && !isHostNetwork(pod))) {
    if (cluster.servers.length) {
      const searches = cluster.domain
        ? [`${pod.metadata.namespace}.svc.${cluster.domain}`, `svc.${cluster.domain}`, cluster.domain, ...host.searches]
        : host.searches;
      return { servers: [...cluster.servers], searches: unique(searches), options: ["ndots:5"] };
    }
    warn('kubelet does not have ClusterDNS IP configured and cannot create Pod using "ClusterFirst" policy. Falling back to "Default" policy.');
  }
  return cluster.host ? host : { servers: ["127.0.0.1"], searches: ["."], options: [] };
}

function mergeOptions(options: string[], added: readonly PodDNSConfigOption[]): string[] {
  const merged = new Map<string, string>();
  for (const option of options) merged.set(option.split(":")[0] as string, option);
  for (const { name, value } of added) if (name) merged.set(name, value === undefined ? name : `${name}:${value}`);
  return [...merged.values()];
}

/** `warn` hears of what had to be left out. */
export function podDns(pod: Pod, cluster: ClusterDns, warn: (message: string) => void): DnsConfig {
  const config = base(pod, cluster, warn);
  const own = pod.spec.dnsConfig;
  if (own) {
    config.servers = unique([...config.servers, ...(own.nameservers ?? [])]);
    config.searches = unique([...config.searches, ...(own.searches ?? [])]);
    config.options = mergeOptions(config.options, own.options ?? []);
  }
  if (config.servers.length > limits.servers) {
    config.servers = config.servers.slice(0, limits.servers);
    warn(`Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: ${config.servers.join(" ")}`);
  }
  const kept = fitSearches(config.searches);
  if (kept.length < config.searches.length) {
    config.searches = kept;
    warn(`Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ${kept.join(" ")}`);
  }
  return config;
}

function fitSearches(searches: string[]): string[] {
  const kept: string[] = [];
  let characters = 0;
  for (const search of searches) {
    characters += search.length + (kept.length ? 1 : 0);
    if (kept.length >= limits.searches || characters > limits.searchCharacters) break;
    kept.push(search);
  }
  return kept;
}

const kernelNameLimit = 64;
const podNameLimit = 63;

export interface PodHostname {
  hostname: string;
  /** Empty without a subdomain. */
  domain: string;
  /** What the container's kernel is told. */
  nodename: string;
}

/** Throws when a fully qualified name is wanted that the kernel cannot hold. */
export function podHostname(pod: Pod, clusterDomain: string): PodHostname {
  const { spec, metadata } = pod;
  const wanted = spec.hostnameOverride ?? (spec.hostname || metadata.name);
  const hostname = wanted.length > podNameLimit ? wanted.slice(0, podNameLimit).replace(/[-.]+$/, "") : wanted;
  const domain = spec.hostnameOverride === undefined && spec.subdomain ? `${spec.subdomain}.${metadata.namespace}.svc.${clusterDomain}` : "";
  if (!spec.setHostnameAsFQDN || !domain) return { hostname, domain, nodename: hostname };
  const fqdn = `${hostname}.${domain}`;
  if (fqdn.length > kernelNameLimit)
    throw new Error(
      `failed to construct FQDN from pod hostname and cluster domain, FQDN ${fqdn} is too long (${kernelNameLimit} characters is the max, ${fqdn.length} characters requested)`,
    );
  return { hostname, domain, nodename: fqdn };
}

const hostsHeader = "# Kubernetes-managed hosts file.\n";
const hostsHeaderHostNetwork = "# Kubernetes-managed hosts file (host network).\n";

/** Content of a pod's /etc/hosts; `nodeHosts` is the node's own file, used for pods on the host's network. */
export function hostsFile(pod: Pod, podIPs: readonly string[], name: PodHostname, nodeHosts: string): string {
  const aliases = pod.spec.hostAliases ?? [];
  const tail = aliases.length ? `\n# Entries added by HostAliases.\n${aliases.map((a) => `${a.ip}\t${(a.hostnames ?? []).join("\t")}\n`).join("")}` : "";
  if (isHostNetwork(pod)) return `${hostsHeaderHostNetwork}${nodeHosts}${tail}`;
  const names = name.domain ? `${name.hostname}.${name.domain}\t${name.hostname}` : name.hostname;
  return `${hostsHeader}127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n${podIPs
    .map((ip) => `${ip}\t${names}\n`)
    .join("")}${tail}`;
}
