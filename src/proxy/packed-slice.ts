/**
 * What the proxy keeps of an EndpointSlice: a hundred thousand endpoints as objects would be garbage collection's whole work,
 * as one text a slice they are a few megabytes.
 */
import { serviceNameOf } from "../api/discovery/service-name.ts";
import type { KubeObject } from "../api/object.ts";
import type { Endpoint, EndpointSlice } from "../api/types/discovery-v1.gen.ts";

export type Family = "IPv4" | "IPv6";

export interface SlicePort {
  name: string;
  protocol: string;
  port: number;
}

export interface PackedSlice extends KubeObject {
  /** `namespace/name` of its Service; the name is empty for a slice of none. */
  service: string;
  addressType: string;
  ports: SlicePort[];
  /** One line an endpoint: address, flags, zone hints. */
  endpoints: string;
  /** When the change that made this state happened (endpoints.kubernetes.io/last-change-trigger-time), or "". */
  triggered: string;
}

export interface ProxyEndpoint {
  ip: string;
  port: number;
  ready: boolean;
  serving: boolean;
  terminating: boolean;
  /** On this node. */
  local: boolean;
  zoneHints: readonly string[];
  hasNodeHints: boolean;
  /** Hinted for this node. */
  hintsNode: boolean;
}

const triggerAnnotation = "endpoints.kubernetes.io/last-change-trigger-time";
const flag = { ready: 1, serving: 2, terminating: 4, local: 8, nodeHints: 16, hintsNode: 32 } as const;
const none: readonly string[] = [];

/** A projection for informers; one and the same function must be given to all that share one. */
export function packerFor(nodeName: string): (slice: EndpointSlice) => PackedSlice {
  // Most slices of a cluster have one of a few lists of ports.
  const known = new Map<string, SlicePort[]>();
  return (slice) => {
    const { name, namespace = "", uid, resourceVersion, annotations } = slice.metadata;
    const ports = (slice.ports ?? []).flatMap((p) => (p.port === undefined ? [] : [{ name: p.name ?? "", protocol: p.protocol ?? "TCP", port: p.port }]));
    const key = JSON.stringify(ports);
    if (known.size > 1000) known.clear();
    const shared = known.get(key) ?? ports;
    known.set(key, shared);
    return {
      metadata: { name, namespace, uid, resourceVersion } as PackedSlice["metadata"],
      service: `${namespace}/${serviceNameOf(slice)}`,
      addressType: slice.addressType,
      ports: shared,
      endpoints: (slice.endpoints ?? [])
        .filter((endpoint) => endpoint.addresses.length > 0)
        .map((endpoint) => lineOf(endpoint, nodeName))
        .join("\n"),
      triggered: annotations?.[triggerAnnotation] ?? "",
    };
  };
}

function lineOf({ addresses, conditions, hints, nodeName }: Endpoint, own: string): string {
  const bits =
    (conditions?.ready === false ? 0 : flag.ready) |
    (conditions?.serving === false ? 0 : flag.serving) |
    (conditions?.terminating ? flag.terminating : 0) |
    (nodeName === own ? flag.local : 0) |
    (hints?.forNodes?.length ? flag.nodeHints : 0) |
    (hints?.forNodes?.some((one) => one.name === own) ? flag.hintsNode : 0);
  const zones = (hints?.forZones ?? []).map((zone) => ` ${zone.name}`).join("");
  return `${addresses[0]} ${bits}${zones}`;
}

/**
 * Endpoints of one port over all slices of a Service, by address, without doubles: where a pod's address is in use again
 * before the pod that had it is gone, the one that does not end counts (upstream's endpointslicecache.go).
 */
export function endpointsOf(slices: readonly PackedSlice[], family: Family, name: string, protocol: string): ProxyEndpoint[] {
  const found = new Map<string, ProxyEndpoint>();
  for (const slice of slices) {
    if (slice.addressType !== family || slice.endpoints === "") continue;
    for (const port of slice.ports) {
      if (port.name !== name || port.protocol !== protocol) continue;
      for (const line of slice.endpoints.split("\n")) {
        const [ip = "", bitText, ...zones] = line.split(" ");
        const bits = Number(bitText);
        const terminating = (bits & flag.terminating) !== 0;
        const key = `${ip} ${port.port}`;
        if (terminating && found.has(key)) continue;
        found.set(key, {
          ip,
          port: port.port,
          ready: (bits & flag.ready) !== 0,
          serving: (bits & flag.serving) !== 0,
          terminating,
          local: (bits & flag.local) !== 0,
          zoneHints: zones.length ? zones : none,
          hasNodeHints: (bits & flag.nodeHints) !== 0,
          hintsNode: (bits & flag.hintsNode) !== 0,
        });
      }
    }
  }
  return [...found.values()].sort((a, b) => (a.ip < b.ip ? -1 : a.ip > b.ip ? 1 : a.port - b.port));
}
