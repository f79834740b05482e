/**
 * What one port of a Service means on this node: which addresses lead to it and which endpoints take the traffic
 * (k8s.io/kubernetes/pkg/proxy: serviceport.go, topology.go). Pure.
 */
import type { Service, ServicePort as APIServicePort } from "../api/types/core-v1.gen.ts";
import type { Endpoint, EndpointSlice } from "../api/types/discovery-v1.gen.ts";

export interface Backend {
  ip: string;
  port: number;
}

export interface ServicePort {
  /** `namespace/name:port` */
  id: string;
  protocol: "tcp" | "udp" | "sctp";
  port: number;
  nodePort: number;
  clusterIPs: string[];
  /** externalIPs and addresses of a load balancer. */
  externalIPs: string[];
  /** Who may come through a load balancer's address; empty: everybody. */
  sourceRanges: string[];
  /** Seconds that a client stays with its endpoint; 0: no affinity. */
  affinitySeconds: number;
  /** For traffic from inside, and from outside, after the traffic policies. */
  internal: Backend[];
  external: Backend[];
  /** externalTrafficPolicy Local: outside traffic keeps its source address. */
  externalLocal: boolean;
}

/** Ports of a Service that has a virtual address; none for headless ones and ExternalName. IPv4 only. */
export function servicePorts(service: Service, slices: readonly EndpointSlice[], nodeName: string): ServicePort[] {
  const { spec, status, metadata } = service;
  if (spec.type === "ExternalName" || !spec.clusterIP || spec.clusterIP === "None") return [];
  const v4 = (ips: (string | undefined)[]): string[] => ips.filter((ip): ip is string => ip !== undefined && !ip.includes(":"));
  const balancer = spec.type === "LoadBalancer" ? (status.loadBalancer?.ingress ?? []).filter((i) => i.ipMode !== "Proxy").map((i) => i.ip) : [];
  return (spec.ports ?? []).map((port) => {
    const all = endpointsOf(port, slices);
    const local = all.filter((e) => e.endpoint.nodeName === nodeName);
    return {
      id: `${metadata.namespace}/${metadata.name}:${port.name ?? ""}`,
      protocol: (port.protocol ?? "TCP").toLowerCase() as ServicePort["protocol"],
      port: port.port,
      nodePort: port.nodePort ?? 0,
      clusterIPs: v4(spec.clusterIPs ?? [spec.clusterIP]),
      externalIPs: v4([...(spec.externalIPs ?? []), ...balancer]),
      sourceRanges: spec.loadBalancerSourceRanges ?? [],
      affinitySeconds: spec.sessionAffinity === "ClientIP" ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10800) : 0,
      internal: usable(spec.internalTrafficPolicy === "Local" ? local : all),
      external: usable(spec.externalTrafficPolicy === "Local" ? local : all),
      externalLocal: spec.externalTrafficPolicy === "Local",
    };
  });
}

interface Candidate extends Backend {
  endpoint: Endpoint;
}

function endpointsOf(port: APIServicePort, slices: readonly EndpointSlice[]): Candidate[] {
  return slices
    .filter((slice) => slice.addressType === "IPv4")
    .flatMap((slice) => {
      const found = slice.ports?.find((p) => (p.name ?? "") === (port.name ?? "") && (p.protocol ?? "TCP") === (port.protocol ?? "TCP"));
      if (found?.port === undefined) return [];
      return (slice.endpoints ?? []).map((endpoint) => ({ ip: endpoint.addresses[0] as string, port: found.port as number, endpoint }));
    });
}

/** Ready endpoints; where there is none, those that still serve while they end (KEP-1669). */
function usable(candidates: Candidate[]): Backend[] {
  const ready = candidates.filter((c) => c.endpoint.conditions?.ready !== false);
  const chosen = ready.length ? ready : candidates.filter((c) => c.endpoint.conditions?.serving !== false && c.endpoint.conditions?.terminating);
  const unique = new Map(chosen.map(({ ip, port }) => [`${ip}:${port}`, { ip, port }]));
  return [...unique.values()].sort((a, b) => (a.ip < b.ip ? -1 : a.ip > b.ip ? 1 : a.port - b.port));
}
