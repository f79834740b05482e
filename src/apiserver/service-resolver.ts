/**
 * From a Service to where it is reached, for webhooks, conversions and aggregated API servers
 * (k8s.io/apiserver/pkg/util/proxy/proxy.go). Messages are upstream's.
 */
import { goQuote } from "../api/go-quote.ts";
import { serviceNameOf } from "../api/discovery/service-name.ts";
import type { Service } from "../api/types/core-v1.gen.ts";
import type { EndpointSlice } from "../api/types/discovery-v1.gen.ts";
import type { Random } from "../base/random.ts";
import type { Reader } from "../cache/cache.ts";

export interface Address {
  host: string;
  port: number;
}
export interface ServicePort {
  namespace: string;
  name: string;
  port: number;
}

export interface ServiceResolution {
  reader: Reader;
  random: Random;
  /** Straight to an endpoint, not to the Service's own address. */
  toEndpoints: boolean;
  /** Where this server listens: what the Service default/kubernetes leads to. */
  own?: Address;
}

/** Why there is no way to a Service; in upstream's words. */
export class Unroutable extends Error {}

const routable = new Set(["ClusterIP", "NodePort", "LoadBalancer"]);

/** Throws Unroutable. */
export function resolveService({ namespace, name, port }: ServicePort, { reader, random, toEndpoints, own }: ServiceResolution): Address {
  if (own && namespace === "default" && name === "kubernetes" && port === 443) return own;
  const found = reader.get<Service>("services", namespace, name);
  if (!found) throw new Unroutable(`service ${goQuote(name)} not found`);
  const { type = "ClusterIP", clusterIP, externalName, ports = [] } = found.spec;
  if (!toEndpoints && type === "ExternalName") return { host: externalName ?? "", port };
  if (!routable.has(type)) throw new Unroutable(`unsupported service type ${goQuote(type)}`);
  if (!toEndpoints && type === "ClusterIP" && clusterIP === "None") throw new Unroutable(`cannot route to service with ClusterIP "None"`);
  const wanted = ports.find((one) => one.port === port);
  if (!wanted) throw new Unroutable(`no service port ${port} found for service ${goQuote(name)}`);
  if (!toEndpoints) return { host: clusterIP ?? "", port };
  const ready = slicesOf(reader, namespace, name).flatMap((slice) => {
    const own = slice.ports?.find((one) => (one.name ?? "") === (wanted.name ?? ""))?.port;
    if (!own) return [];
    return (slice.endpoints ?? []).filter((e) => e.conditions?.ready !== false).map((e) => ({ host: e.addresses[0] as string, port: own }));
  });
  const chosen = ready[random.int(ready.length)];
  if (!chosen) throw new Unroutable(`no endpoints available for service ${goQuote(name)}`);
  return chosen;
}

export const slicesOf = (reader: Reader, namespace: string, service: string): EndpointSlice[] =>
  reader.list<EndpointSlice>("endpointslices.discovery.k8s.io", namespace).filter((slice) => serviceNameOf(slice) === service);
