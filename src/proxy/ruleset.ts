/**
 * Service ports as nftables objects. Pure.
 *
 * The common case, a cluster address spread over a few endpoints, needs map elements only: `service_ips` leads to a chain
 * for its number of endpoints, which all Services share; that one picks a number at random, and the map of that number has
 * the endpoint for the packet's destination. The kernel takes elements twenty times as fast as chains, and a change touches
 * nothing but its own. What is reached from outside, keeps clients at their endpoint, or is large has chains of its own.
 */
import { createHash } from "node:crypto";
import { isLocal, type LocalTraffic, markRule, words } from "./frame.ts";
import type { Family } from "./packed-slice.ts";
import { type Backend, rangeContains, type ServicePort } from "./service-port.ts";

/** What the kernel holds for a Service; texts of lines, because there are many and most stay as they are. */
export interface Ruleset {
  /** `chain\trule`, in order. */
  rules: string;
  /** `set\tdeclaration`, for session affinity. */
  sets: string;
  /** `map key\tvalue`, of sets `set key`. */
  elements: string;
  /** Elements that several Services may ask for at the same time. */
  shared: string;
}

export interface RulesOptions {
  family: Family;
  local?: LocalTraffic;
  masqueradeBit: number;
  /** The node's address, "" when unknown. */
  nodeIP: string;
}

/** More endpoints than that get a chain of their own. */
export const largestShared = 64;

/** Names of what Services with so many endpoints share. */
export const spreadChain = (count: number, protocol: string): string => (count === 1 ? pickChain(0, protocol) : `spread-${count}-${protocol}`);
export const pickChain = (index: number, protocol: string): string => `pick-${index}-${protocol}`;
export const endpointMap = (index: number): string => `endpoint-${index}`;

const hash = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 8);
const addressOf = ({ ip, port }: Backend): string => `${ip} . ${port}`;

export function rulesetOf(ports: readonly ServicePort[], options: RulesOptions): Ruleset {
  const out = new Lines();
  for (const port of ports) addPort(out, port, options);
  return out.done();
}

class Lines {
  readonly rules: string[] = [];
  readonly sets: string[] = [];
  readonly elements = new Set<string>();
  readonly shared = new Set<string>();
  rule(chain: string, ...rules: string[]): void {
    for (const rule of rules) this.rules.push(`${chain}\t${rule}`);
  }
  element(map: string, key: string, value = ""): void {
    this.elements.add(`${map} ${key}\t${value}`);
  }
  done(): Ruleset {
    return { rules: this.rules.join("\n"), sets: this.sets.join("\n"), elements: [...this.elements].join("\n"), shared: [...this.shared].join("\n") };
  }
}

const isShared = (port: ServicePort): boolean =>
  port.nodePort === 0 &&
  port.externalIPs.length === 0 &&
  port.balancerIPs.length === 0 &&
  port.affinitySeconds === 0 &&
  !port.internalLocal &&
  port.cluster.length <= largestShared;

function addPort(out: Lines, port: ServicePort, options: RulesOptions): void {
  const { protocol } = port;
  const at = (ip: string): string => `${ip} . ${protocol} . ${port.port}`;
  out.element("cluster_ips", port.clusterIP);
  for (const { ip, port: number } of port.hairpin) out.shared.add(`hairpin ${ip} . ${ip} . ${protocol} . ${number}\t`);
  if (!port.anyEndpoints) addUnreachable(out, port, "goto reject_chain", "goto reject_chain");
  else if (isShared(port)) {
    for (const [index, backend] of port.cluster.entries()) out.element(endpointMap(index), at(port.clusterIP), addressOf(backend));
    out.element("service_ips", at(port.clusterIP), `goto ${spreadChain(port.cluster.length, protocol)}`);
  } else addOwnChains(out, port, options);
}

function addOwnChains(out: Lines, port: ServicePort, options: RulesOptions): void {
  const at = (ip: string): string => `${ip} . ${port.protocol} . ${port.port}`;
  const name = (kind: string): string => `${kind}-${hash(port.id)}-${port.id}`.slice(0, 240);
  const clusterChain = port.cluster.length ? name("service") : "";
  const localChain = port.local.length ? name("local") : "";
  const internal = port.internalLocal ? localChain : clusterChain;
  const external = port.externalLocal ? localChain : clusterChain;
  addUnreachable(out, port, internal ? "" : "drop", external ? "" : "drop");
  if (internal) out.element("service_ips", at(port.clusterIP), `goto ${internal}`);
  if (port.nodePort || port.externalIPs.length || port.balancerIPs.length) {
    const chain = name("external");
    out.rule(chain, ...externalRules(port, options, clusterChain), ...(external ? [`goto ${external}`] : []));
    for (const ip of [...port.externalIPs, ...port.balancerIPs]) out.shared.add(`service_ips ${at(ip)}\tgoto ${chain}`);
    if (port.nodePort) out.element("service_nodeports", `${port.protocol} . ${port.nodePort}`, `goto ${chain}`);
  }
  if (port.balancerIPs.length && port.sourceRanges.length) addFirewall(out, port, options, name("firewall"));
  const spread = port.affinitySeconds ? sticky : evenly;
  if (clusterChain) spread(out, clusterChain, port, port.cluster, options);
  if (localChain) spread(out, localChain, port, port.local, options);
}

/** Traffic for which there is no endpoint at all is refused; where only this node has none it is dropped. */
function addUnreachable(out: Lines, port: ServicePort, internal: string, external: string): void {
  const at = (ip: string): string => `${ip} . ${port.protocol} . ${port.port}`;
  if (internal) out.element("no_endpoint_services", at(port.clusterIP), internal);
  if (!external) return;
  for (const ip of [...port.externalIPs, ...port.balancerIPs]) out.shared.add(`no_endpoint_services ${at(ip)}\t${external}`);
  if (port.nodePort) out.element("no_endpoint_nodeports", `${port.protocol} . ${port.nodePort}`, external);
}

/** With the Cluster policy an answer must come back through this node, so the source is rewritten; Local keeps it. */
function externalRules(port: ServicePort, { family, local, masqueradeBit }: RulesOptions, clusterChain: string): string[] {
  const mark = markRule(masqueradeBit);
  if (!port.externalLocal) return [mark];
  return [
    // Pods and the node itself get what they would get by going out to a balancer and in again.
    ...(local ? [`${isLocal(local, words[family].ip)} goto ${clusterChain}`] : []),
    `fib saddr type local ${mark}`,
    `fib saddr type local goto ${clusterChain}`,
  ];
}

function addFirewall(out: Lines, port: ServicePort, { family, nodeIP }: RulesOptions, chain: string): void {
  // A balancer's address may be one of this node: its own requests then come from that address.
  const fromNode = nodeIP !== "" && port.sourceRanges.some((range) => rangeContains(range, nodeIP));
  const sources = [...port.sourceRanges, ...(fromNode ? port.balancerIPs.filter((ip) => !port.sourceRanges.some((range) => rangeContains(range, ip))) : [])];
  out.rule(chain, `${words[family].ip} saddr != { ${sources.join(", ")} } drop`);
  for (const ip of port.balancerIPs) out.shared.add(`firewall_ips ${ip} . ${port.protocol} . ${port.port}\tgoto ${chain}`);
}

function evenly(out: Lines, chain: string, port: ServicePort, backends: readonly Backend[], { family }: RulesOptions): void {
  const choices = backends.map((backend, i) => `${i} : ${addressOf(backend)}`).join(", ");
  out.rule(chain, `meta l4proto ${port.protocol} dnat ${words[family].ip} addr . port to numgen random mod ${backends.length} map { ${choices} }`);
}

/** A client's next connection within the time goes where its last one went; each endpoint remembers its clients. */
function sticky(out: Lines, chain: string, port: ServicePort, backends: readonly Backend[], { family }: RulesOptions): void {
  const { ip, address } = words[family];
  const target = family === "IPv6" ? (b: Backend): string => `[${b.ip}]:${b.port}` : (b: Backend): string => `${b.ip}:${b.port}`;
  const endpoints = backends.map((backend) => {
    const id = `${hash(`${port.id}__${target(backend)}`)}-${port.id}__${backend.ip.replaceAll(":", ".")}/${backend.port}`.slice(0, 200);
    return { backend, chain: `endpoint-${id}`, set: `affinity-${port.affinitySeconds}-${id}` };
  });
  out.rule(chain, ...endpoints.map((e) => `${ip} saddr @${e.set} goto ${e.chain}`));
  out.rule(chain, `numgen random mod ${backends.length} vmap { ${endpoints.map((e, i) => `${i} : goto ${e.chain}`).join(", ")} }`);
  for (const { backend, chain: own, set } of endpoints) {
    // Both policies may lead to one endpoint.
    if (out.rules.some((line) => line.startsWith(`${own}\t`))) continue;
    out.sets.push(`${set}\t{ type ${address}; flags dynamic,timeout; timeout ${port.affinitySeconds}s; }`);
    out.rule(own, `update @${set} { ${ip} saddr }`, `meta l4proto ${port.protocol} dnat to ${target(backend)}`);
  }
}
