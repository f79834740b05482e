/**
 * The zone as it was last known, on disk: a DNS server that starts while the API server is away answers from it until the
 * informers have synced. Only what answers need is kept.
 */
import { readFileSync } from "node:fs";
import { serviceNameLabel, serviceNameOf } from "../api/discovery/service-name.ts";
import type { Service } from "../api/types/core-v1.gen.ts";
import type { EndpointSlice } from "../api/types/discovery-v1.gen.ts";
import { fullForm } from "./reverse.ts";
import type { ZoneView } from "./zone.ts";

export interface LastZone {
  services: Service[];
  slices: EndpointSlice[];
  namespaces: string[];
}

/** Undefined where there is none, or none that can be read: then names are unknown until the informers have synced. */
export function readLastZone(path: string): LastZone | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as LastZone;
  } catch {
    return undefined;
  }
}

/** The parts of a zone that answers are made of. */
export function trimmed({ services, slices, namespaces }: LastZone): LastZone {
  return {
    services: services.map(({ metadata: { name, namespace }, spec: { type, externalName, clusterIP, clusterIPs, ports } }) => ({
      metadata: { name, namespace },
      spec: { type, externalName, clusterIP, clusterIPs, ports: ports?.map((p) => ({ name: p.name, port: p.port, protocol: p.protocol })) },
    })) as unknown as Service[],
    slices: slices.map((slice) => ({
      metadata: { name: slice.metadata.name, namespace: slice.metadata.namespace, labels: { [serviceNameLabel]: serviceNameOf(slice) } },
      addressType: slice.addressType,
      endpoints: slice.endpoints?.map(({ addresses, hostname, conditions }) => ({ addresses, hostname, conditions })),
      ports: slice.ports,
    })) as unknown as EndpointSlice[],
    namespaces,
  };
}

export function viewOf(zone: LastZone): ZoneView {
  const services = new Map(zone.services.map((s) => [`${s.metadata.namespace}/${s.metadata.name}`, s]));
  const slices = Map.groupBy(zone.slices, (s) => `${s.metadata.namespace}/${serviceNameOf(s)}`);
  const namespaces = new Set(zone.namespaces);
  return {
    service: (namespace, name) => services.get(`${namespace}/${name}`),
    slices: (namespace, name) => slices.get(`${namespace}/${name}`) ?? [],
    servicesByIP: (ip) => zone.services.filter((s) => s.spec.clusterIPs?.some((own) => fullForm(own) === ip)),
    slicesByIP: (ip) => zone.slices.filter((s) => s.endpoints?.some((e) => e.addresses.some((own) => fullForm(own) === ip))),
    namespaceExists: (name) => namespaces.has(name),
    known: true,
    generation: 0,
  };
}
