/**
 * What one port of a Service means on this node, in one address family: which addresses lead to it and which endpoints take
 * the traffic (k8s.io/kubernetes/pkg/proxy/serviceport.go). Pure.
 */
import { cidrContains, parseCIDR, parseIP } from "../api/ip.ts";
import type { KubeObject } from "../api/object.ts";
import type { Service } from "../api/types/core-v1.gen.ts";
import { endpointsOf, type Family, type PackedSlice, type ProxyEndpoint } from "./packed-slice.ts";
import { chooseEndpoints } from "./topology.ts";

export interface Backend {
  ip: string;
  port: number;
}

export interface ServicePort {
  /** `namespace/name/protocol/port name`, which nft takes as part of a name. */
  id: string;
  protocol: "tcp" | "udp" | "sctp";
  port: number;
  nodePort: number;
  clusterIP: string;
  externalIPs: readonly string[];
  /** Addresses of load balancers that leave the destination as it is (ipMode VIP). */
  balancerIPs: readonly string[];
  /** Who may come through a load balancer's address; empty: everybody. */
  sourceRanges: readonly string[];
  /** Seconds that a client stays with its endpoint; 0: no affinity. */
  affinitySeconds: number;
  internalLocal: boolean;
  /** externalTrafficPolicy Local: outside traffic keeps its source address. */
  externalLocal: boolean;
  /** Endpoints for the policies Cluster and Local. */
  cluster: readonly Backend[];
  local: readonly Backend[];
  /** Those on this node that can be reached: what comes from one of them to itself needs another source address. */
  hairpin: readonly Backend[];
  /** There is an endpoint somewhere: traffic that this node has none for is dropped, not refused. */
  anyEndpoints: boolean;
  /** All that serve, whatever the policies say: tracked UDP flows to others are forgotten. */
  serving: readonly Backend[];
}

/** What the proxy keeps of a Service. */
export interface PackedService extends KubeObject {
  spec: Pick<
    Service["spec"],
    | "type"
    | "clusterIP"
    | "clusterIPs"
    | "ports"
    | "externalIPs"
    | "loadBalancerSourceRanges"
    | "sessionAffinity"
    | "sessionAffinityConfig"
    | "internalTrafficPolicy"
    | "externalTrafficPolicy"
    | "healthCheckNodePort"
  >;
  ingress: { ip?: string; ipMode?: string }[];
}

/** Neither those without a virtual address nor those that another proxy answers for. */
export const selector = "!service.kubernetes.io/headless,!service.kubernetes.io/service-proxy-name";

/** A projection for informers: only what rules are made of. */
export function packService(service: Service): PackedService {
  const { name, namespace, uid, resourceVersion } = service.metadata;
  const { type, clusterIP, clusterIPs, ports, externalIPs, loadBalancerSourceRanges, sessionAffinity, sessionAffinityConfig } = service.spec;
  const { internalTrafficPolicy, externalTrafficPolicy, healthCheckNodePort } = service.spec;
  const virtual = type !== "ExternalName" && clusterIP && clusterIP !== "None";
  const metadata = { name, namespace, uid, resourceVersion } as PackedService["metadata"];
  if (!virtual) return { metadata, spec: {}, ingress: [] };
  const simple = (type ?? "ClusterIP") === "ClusterIP" && sessionAffinity !== "ClientIP" && internalTrafficPolicy !== "Local";
  if (simple && !externalIPs?.length && !service.status.loadBalancer?.ingress?.length)
    return { metadata, spec: { clusterIPs, ports: ports?.map(bare) }, ingress: [] };
  return {
    metadata,
    spec: {
      type,
      clusterIPs,
      ports: ports?.map(bare),
      externalIPs,
      loadBalancerSourceRanges,
      sessionAffinity,
      sessionAffinityConfig,
      internalTrafficPolicy,
      externalTrafficPolicy,
      healthCheckNodePort,
    },
    ingress: (service.status.loadBalancer?.ingress ?? []).map(({ ip, ipMode }) => ({ ip, ipMode })),
  };
}

const bare = ({ name, protocol, port, nodePort }: NonNullable<Service["spec"]["ports"]>[number]): NonNullable<Service["spec"]["ports"]>[number] =>
  ({ ...(name ? { name } : {}), ...(protocol && protocol !== "TCP" ? { protocol } : {}), port, ...(nodePort ? { nodePort } : {}) }) as NonNullable<
    Service["spec"]["ports"]
  >[number];

const inFamily = (family: Family, texts: readonly (string | undefined)[]): string[] =>
  texts.flatMap((text) => {
    const trimmed = text?.trim();
    return trimmed && trimmed.includes(":") === (family === "IPv6") ? [trimmed] : [];
  });

/** The Service answers traffic from outside on this node alone, and says on a port of its own whether it can. */
export const healthCheckPortOf = ({ spec }: PackedService): number =>
  spec.type === "LoadBalancer" && spec.externalTrafficPolicy === "Local" ? (spec.healthCheckNodePort ?? 0) : 0;

/** Ports of a Service that has a virtual address of the family; none for headless ones and ExternalName. */
export function servicePorts(service: PackedService, slices: readonly PackedSlice[], family: Family, zone: string): ServicePort[] {
  const { spec, metadata } = service;
  const [clusterIP] = inFamily(family, spec.clusterIPs ?? []);
  if (!clusterIP) return [];
  const externalIPs = inFamily(family, spec.externalIPs ?? []);
  const balancerIPs = inFamily(
    family,
    service.ingress.filter((one) => one.ipMode !== "Proxy").map((one) => one.ip),
  );
  const ranges = inFamily(family, spec.loadBalancerSourceRanges ?? []);
  const sourceRanges = ranges.some((range) => /^[0.:]+\/0$/.test(range)) ? [] : ranges;
  const affinitySeconds = spec.sessionAffinity === "ClientIP" ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10800) : 0;
  const internalLocal = spec.internalTrafficPolicy === "Local";
  return (spec.ports ?? []).map((port) => {
    const protocol = port.protocol ?? "TCP";
    const nodePort = port.nodePort ?? 0;
    const accessible = nodePort !== 0 || externalIPs.length > 0 || balancerIPs.length > 0;
    const externalLocal = spec.externalTrafficPolicy === "Local";
    const all = endpointsOf(slices, family, port.name ?? "", protocol);
    // Even with the policy Local, pods and the node itself reach outside addresses as if they came in from a balancer.
    const policies = { usesCluster: !internalLocal || accessible, usesLocal: internalLocal || (externalLocal && accessible) };
    const { cluster, local, reachable, any } = chooseEndpoints(all, policies, zone);
    return {
      id: `${metadata.namespace}/${metadata.name}/${protocol.toLowerCase()}/${port.name ?? ""}`,
      protocol: protocol.toLowerCase() as ServicePort["protocol"],
      port: port.port,
      nodePort,
      clusterIP,
      externalIPs,
      balancerIPs,
      sourceRanges,
      affinitySeconds,
      internalLocal,
      externalLocal,
      cluster,
      local,
      hairpin: reachable.filter((endpoint) => endpoint.local),
      anyEndpoints: any,
      serving: protocol === "UDP" ? all.filter((endpoint: ProxyEndpoint) => endpoint.serving) : [],
    };
  });
}

/** Ready endpoints of the Service on this node, by address. */
export function localReady(slices: readonly PackedSlice[], service: PackedService): number {
  const ips = new Set<string>();
  for (const family of ["IPv4", "IPv6"] as const)
    for (const port of service.spec.ports ?? [])
      for (const endpoint of endpointsOf(slices, family, port.name ?? "", port.protocol ?? "TCP")) if (endpoint.local && endpoint.ready) ips.add(endpoint.ip);
  return ips.size;
}

export function rangeContains(range: string, address: string): boolean {
  const cidr = parseCIDR(range);
  const ip = parseIP(address);
  return cidr !== undefined && ip !== undefined && cidrContains(cidr, ip);
}
