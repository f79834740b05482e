/**
 * Service ports as nftables objects, and the difference between two states as one transaction. Pure.
 *
 * A packet's destination is looked up once in a verdict map, however many Services there are; the map leads to a chain of
 * the Service port, which picks an endpoint's chain at random, which rewrites the destination. A change touches only the
 * chains and map elements of what changed.
 */
import { createHash } from "node:crypto";
import type { Backend, ServicePort } from "./service-port.ts";

export const table = "k8ts_proxy";

/** Everything in the table beside its fixed frame. */
export interface Ruleset {
  /** Chain -> rules. */
  chains: Map<string, string[]>;
  /** Set -> its declaration (for session affinity). */
  sets: Map<string, string>;
  /** `map key` -> value, e.g. `service_ips 10.96.0.1 . tcp . 443` -> `goto s-…`. */
  elements: Map<string, string>;
}

const masqueradeMark = "0x4000";
const hash = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 16);

export interface FrameOptions {
  /** Addresses of this node on which NodePorts answer. */
  nodeAddresses: string[];
  podCIDR: string;
  serviceCIDR: string;
}

/** Makes the table anew, empty of Services, replacing one that an earlier process left. */
export function frame({ nodeAddresses, podCIDR, serviceCIDR }: FrameOptions): string {
  return `add table ip ${table}
delete table ip ${table}
table ip ${table} {
  comment "Services of k8ts";
  set nodeport_ips { type ipv4_addr; elements = { ${nodeAddresses.join(", ")} } }
  map service_ips { type ipv4_addr . inet_proto . inet_service : verdict; }
  map service_nodeports { type inet_proto . inet_service : verdict; }
  map no_endpoint_services { type ipv4_addr . inet_proto . inet_service : verdict; }
  map no_endpoint_nodeports { type inet_proto . inet_service : verdict; }
  chain reject_chain { reject; }
  chain mark_for_masquerade { meta mark set meta mark or ${masqueradeMark}; }
  chain services {
    ip daddr . meta l4proto . th dport vmap @service_ips
    ip daddr @nodeport_ips meta l4proto . th dport vmap @service_nodeports
  }
  chain nat_prerouting { type nat hook prerouting priority dstnat; jump services; }
  chain nat_output { type nat hook output priority -100; jump services; }
  chain nat_postrouting {
    type nat hook postrouting priority srcnat;
    meta mark and ${masqueradeMark} != 0 meta mark set meta mark xor ${masqueradeMark} masquerade fully-random
  }
  chain filter_services {
    ct state new ip daddr . meta l4proto . th dport vmap @no_endpoint_services
    ct state new ip daddr @nodeport_ips meta l4proto . th dport vmap @no_endpoint_nodeports
  }
  chain cluster_ips_check { ip daddr ${serviceCIDR} reject comment "no such Service port"; }
  chain filter_input { type filter hook input priority -110; jump filter_services; }
  chain filter_forward { type filter hook forward priority -110; jump filter_services; jump cluster_ips_check; }
  chain filter_output { type filter hook output priority -110; jump filter_services; }
  chain filter_output_post_dnat { type filter hook output priority -90; ct state new jump cluster_ips_check; }
  chain from_outside { ip saddr != ${podCIDR} jump mark_for_masquerade; }
}
`;
}

/** The objects of one Service port. Names depend on its identity alone, so that changes stay local. */
export function rulesetOf(port: ServicePort): Ruleset {
  const result: Ruleset = { chains: new Map(), sets: new Map(), elements: new Map() };
  const external = port.externalIPs.length > 0 || port.nodePort > 0;
  const internalChain = balance(result, port, port.internal, "s");
  const externalChain = external ? (same(port.internal, port.external) ? internalChain : balance(result, port, port.external, "x")) : undefined;
  const entry = (kind: string, rules: string[], target: string): string => {
    const name = `${kind}-${hash(`${port.id}/${port.protocol}`)}`;
    result.chains.set(name, [...rules, `goto ${target}`]);
    return name;
  };
  for (const ip of port.clusterIPs) {
    const key = `${ip} . ${port.protocol} . ${port.port}`;
    if (internalChain) result.elements.set(`service_ips ${key}`, `goto ${entry("c", ["jump from_outside"], internalChain)}`);
    else result.elements.set(`no_endpoint_services ${key}`, "goto reject_chain");
  }
  // With the Cluster policy an answer must come back through this node, so the source is rewritten; Local keeps it.
  const fromOutside = port.externalLocal ? [] : ["jump mark_for_masquerade"];
  for (const ip of port.externalIPs) {
    const key = `${ip} . ${port.protocol} . ${port.port}`;
    const restricted = port.sourceRanges.length ? [`ip saddr != { ${port.sourceRanges.filter((r) => !r.includes(":")).join(", ")} } drop`] : [];
    if (externalChain) result.elements.set(`service_ips ${key}`, `goto ${entry("e", [...restricted, ...fromOutside], externalChain)}`);
    else result.elements.set(`no_endpoint_services ${key}`, "goto reject_chain");
  }
  if (port.nodePort) {
    const key = `${port.protocol} . ${port.nodePort}`;
    if (externalChain) result.elements.set(`service_nodeports ${key}`, `goto ${entry("n", fromOutside, externalChain)}`);
    else result.elements.set(`no_endpoint_nodeports ${key}`, "goto reject_chain");
  }
  return result;
}

const same = (a: Backend[], b: Backend[]): boolean => a.length === b.length && a.every((x, i) => x.ip === b[i]?.ip && x.port === b[i]?.port);

/** The chain that spreads over the backends, or undefined when there is none. */
function balance(result: Ruleset, port: ServicePort, backends: Backend[], kind: string): string | undefined {
  if (backends.length === 0) return undefined;
  const chains = backends.map((backend) => {
    const id = hash(`${port.id}/${port.protocol}/${backend.ip}:${backend.port}`);
    const affinity = `a-${id}-${port.affinitySeconds}`;
    if (port.affinitySeconds) result.sets.set(affinity, `{ type ipv4_addr; flags dynamic,timeout; timeout ${port.affinitySeconds}s; }`);
    result.chains.set(`p-${id}`, [
      // A pod that reaches itself through the Service would otherwise drop the answer to its own address.
      `ip saddr ${backend.ip} jump mark_for_masquerade`,
      ...(port.affinitySeconds ? [`update @${affinity} { ip saddr }`] : []),
      `meta l4proto ${port.protocol} dnat to ${backend.ip}:${backend.port}`,
    ]);
    return { chain: `p-${id}`, affinity };
  });
  const name = `${kind}-${hash(`${port.id}/${port.protocol}/${kind}`)}`;
  result.chains.set(name, [
    ...(port.affinitySeconds ? chains.map((c) => `ip saddr @${c.affinity} goto ${c.chain}`) : []),
    chains.length === 1
      ? `goto ${chains[0]?.chain}`
      : `numgen random mod ${chains.length} vmap { ${chains.map((c, i) => `${i} : goto ${c.chain}`).join(", ")} }`,
  ]);
  return name;
}

export function merge(rulesets: Iterable<Ruleset>): Ruleset {
  const all: Ruleset = { chains: new Map(), sets: new Map(), elements: new Map() };
  for (const ruleset of rulesets) {
    for (const [k, v] of ruleset.chains) all.chains.set(k, v);
    for (const [k, v] of ruleset.sets) all.sets.set(k, v);
    for (const [k, v] of ruleset.elements) all.elements.set(k, v);
  }
  return all;
}

/** Commands that lead from one state to the other; empty when they are equal. */
export function transition(from: Ruleset, to: Ruleset): string {
  const lines: string[] = [];
  const text = (rules: string[] | undefined): string => (rules ?? []).join("\n");
  // Elements that go are deleted before others may take their key, and before the chains that they lead to.
  for (const [key, value] of from.elements) if (to.elements.get(key) !== value) lines.push(`delete element ip ${table} ${elementOf(key)}`);
  for (const [name, declaration] of to.sets) {
    if (from.sets.get(name) === declaration) continue;
    lines.push(`add set ip ${table} ${name} ${declaration}`);
  }
  const changed = [...to.chains].filter(([name, rules]) => text(from.chains.get(name)) !== text(rules));
  for (const [name] of changed) lines.push(`add chain ip ${table} ${name}`, `flush chain ip ${table} ${name}`);
  const gone = [...from.chains.keys()].filter((name) => !to.chains.has(name));
  for (const name of gone) lines.push(`flush chain ip ${table} ${name}`);
  for (const [name, rules] of changed) for (const rule of rules) lines.push(`add rule ip ${table} ${name} ${rule}`);
  for (const name of gone) lines.push(`delete chain ip ${table} ${name}`);
  for (const name of from.sets.keys()) if (!to.sets.has(name)) lines.push(`delete set ip ${table} ${name}`);
  for (const [key, value] of to.elements) if (from.elements.get(key) !== value) lines.push(`add element ip ${table} ${elementOf(key, value)}`);
  return lines.length ? `${lines.join("\n")}\n` : "";
}

function elementOf(key: string, value?: string): string {
  const space = key.indexOf(" ");
  return `${key.slice(0, space)} { ${key.slice(space + 1)}${value ? ` : ${value}` : ""} }`;
}
