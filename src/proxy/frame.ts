/**
 * The fixed part of the proxy's nftables table: what every packet passes on its way to a Service. A destination is looked up
 * once in a verdict map, however many Services there are. Layout and order of the hooks are those of
 * k8s.io/kubernetes/pkg/proxy/nftables, so that what other programs expect of kube-proxy holds here as well.
 */
import type { Family } from "./packed-slice.ts";

export const tableName = "k8ts_proxy";

/** How traffic of this node's pods is told from other traffic (upstream's detectLocalMode). */
export type LocalTraffic = { kind: "cidr"; cidr: string } | { kind: "interface"; name: string } | { kind: "interfacePrefix"; prefix: string };

export interface FrameOptions {
  family: Family;
  /** Addresses of this node on which NodePorts answer; undefined: all but loopback. */
  nodePortAddresses?: readonly string[];
  /** Undefined: nothing is known about where traffic comes from. */
  local?: LocalTraffic;
  masqueradeAll: boolean;
  /** Bit of the packet mark, 0 to 31. */
  masqueradeBit: number;
}

/** Words that differ between the families. */
export const words = {
  IPv4: { table: `ip ${tableName}`, ip: "ip", address: "ipv4_addr", notLoopback: "ip daddr != 127.0.0.0/8" },
  IPv6: { table: `ip6 ${tableName}`, ip: "ip6", address: "ipv6_addr", notLoopback: "ip6 daddr != ::1" },
} as const;

const baseChains: readonly [name: string, declaration: string][] = [
  ["filter_prerouting_pre_dnat", "type filter hook prerouting priority -110"],
  ["filter_output_pre_dnat", "type filter hook output priority -110"],
  ["filter_input", "type filter hook input priority 0"],
  ["filter_forward", "type filter hook forward priority 0"],
  ["filter_output", "type filter hook output priority 0"],
  ["nat_prerouting", "type nat hook prerouting priority -100"],
  ["nat_output", "type nat hook output priority -100"],
  ["nat_postrouting", "type nat hook postrouting priority 100"],
];

export const maps = ["service_ips", "service_nodeports", "no_endpoint_services", "no_endpoint_nodeports", "firewall_ips"] as const;
export const sets = ["cluster_ips", "hairpin", "service_cidrs", "nodeport_ips"] as const;
export const chains: readonly string[] = [
  ...baseChains.map(([name]) => name),
  "services",
  "service_endpoints_check",
  "nodeport_endpoints_check",
  "firewall_check",
  "cluster_ips_check",
  "masquerading",
  "reject_chain",
];

export const markRule = (bit: number): string => `meta mark set meta mark or ${maskOf(bit)}`;
const maskOf = (bit: number): string => `0x${(2 ** bit).toString(16).padStart(8, "0")}`;

export function isLocal(local: LocalTraffic, ip: string, operator: "" | "!= " = ""): string {
  switch (local.kind) {
    case "cidr":
      return `${ip} saddr ${operator}${local.cidr}`;
    case "interface":
      return `iifname ${operator}"${local.name}"`;
    case "interfacePrefix":
      return `iifname ${operator}"${local.prefix}*"`;
  }
}

/**
 * Commands that make the frame, empty of Services; base chains are made anew, because their hooks cannot be changed. Sets of
 * addresses that may change while the proxy runs are filled by setElements.
 */
export function frame({ family, nodePortAddresses, local, masqueradeAll, masqueradeBit }: FrameOptions): string {
  const { table, ip, address, notLoopback } = words[family];
  const mark = markRule(masqueradeBit);
  const mask = maskOf(masqueradeBit);
  const key = `${ip} daddr . meta l4proto . th dport`;
  const atNode = nodePortAddresses ? `${ip} daddr @nodeport_ips` : notLoopback;
  const outside = masqueradeAll ? [mark] : local ? [`${isLocal(local, ip, "!= ")} ${mark}`] : [];
  const rules: [chain: string, rule: string][] = [
    ["filter_prerouting_pre_dnat", "ct state new jump firewall_check"],
    ["filter_output_pre_dnat", "ct state new jump firewall_check"],
    ["filter_input", "ct state new jump nodeport_endpoints_check"],
    ["filter_input", "ct state new jump service_endpoints_check"],
    ["filter_forward", "ct state new jump service_endpoints_check"],
    ["filter_forward", "ct state new jump cluster_ips_check"],
    ["filter_output", "ct state new jump service_endpoints_check"],
    ["filter_output", "ct state new jump cluster_ips_check"],
    ["nat_prerouting", "jump services"],
    ["nat_output", "jump services"],
    ["nat_postrouting", "jump masquerading"],
    ["masquerading", `meta mark and ${mask} != 0 meta mark set meta mark xor ${mask} masquerade fully-random`],
    ["masquerading", `ct status dnat ${ip} saddr . ${ip} daddr . meta l4proto . th dport @hairpin masquerade fully-random`],
    ["cluster_ips_check", `${ip} daddr @cluster_ips reject comment "no such port of a Service"`],
    ["cluster_ips_check", `${ip} daddr @service_cidrs drop comment "no Service has the address"`],
    ["reject_chain", "reject"],
    ["service_endpoints_check", `${key} vmap @no_endpoint_services`],
    ["nodeport_endpoints_check", `${atNode} meta l4proto . th dport vmap @no_endpoint_nodeports`],
    ["firewall_check", `${key} vmap @firewall_ips`],
    ...outside.map((rule): [string, string] => ["services", `${ip} daddr @cluster_ips ${rule}`]),
    ["services", `${key} vmap @service_ips`],
    ["services", `${nodePortAddresses ? "" : "fib daddr type local "}${atNode} meta l4proto . th dport vmap @service_nodeports`],
  ];
  const toVerdict = (name: string): string => (name.endsWith("nodeports") ? "inet_proto . inet_service" : `${address} . inet_proto . inet_service`);
  return [
    `add table ${table} { comment "Services of k8ts"; }`,
    // An existing base chain with another hook or priority would fail the transaction.
    ...baseChains.flatMap(([name, declaration]) => [
      `add chain ${table} ${name}`,
      `flush chain ${table} ${name}`,
      `delete chain ${table} ${name}`,
      `add chain ${table} ${name} { ${declaration}; }`,
    ]),
    `add set ${table} cluster_ips { type ${address}; }`,
    `add set ${table} nodeport_ips { type ${address}; }`,
    `add set ${table} service_cidrs { type ${address}; flags interval; }`,
    `add set ${table} hairpin { type ${address} . ${address} . inet_proto . inet_service; }`,
    ...maps.map((name) => `add map ${table} ${name} { type ${toVerdict(name)} : verdict; }`),
    ...chains.slice(baseChains.length).flatMap((name) => [`add chain ${table} ${name}`, `flush chain ${table} ${name}`]),
    ...rules.map(([chain, rule]) => `add rule ${table} ${chain} ${rule}`),
    "",
  ].join("\n");
}

/** Commands that give a set exactly these elements. */
export function setElements(family: Family, set: (typeof sets)[number], elements: readonly string[]): string {
  const { table } = words[family];
  return `flush set ${table} ${set}\n${elements.length ? `add element ${table} ${set} { ${elements.join(", ")} }\n` : ""}`;
}
