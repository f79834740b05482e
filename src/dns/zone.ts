/**
 * What the cluster's names mean: the Kubernetes DNS-Based Service Discovery specification, version 1.1.0
 * (https://github.com/kubernetes/dns/blob/master/docs/specification.md). Pure over a view of Services and EndpointSlices.
 */
import { isIP } from "node:net";
import type { Answer } from "dns-packet";
import { serviceNameOf } from "../api/discovery/service-name.ts";
import type { Service } from "../api/types/core-v1.gen.ts";
import type { Endpoint, EndpointSlice } from "../api/types/discovery-v1.gen.ts";
import { ipFromReverse } from "./reverse.ts";

export interface ZoneView {
  service(namespace: string, name: string): Service | undefined;
  /** EndpointSlices of a Service. */
  slices(namespace: string, name: string): EndpointSlice[];
  /** Services that have this cluster IP. */
  servicesByIP(ip: string): Service[];
  /** Slices with this endpoint address. */
  slicesByIP(ip: string): EndpointSlice[];
  namespaceExists(name: string): boolean;
}

export interface Resolution {
  rcode: "NOERROR" | "NXDOMAIN";
  answers: Answer[];
  additionals: Answer[];
  /** A CNAME out of the zone, which the caller may follow. */
  external?: string;
}

/** Seconds; as CoreDNS's kubernetes plugin. */
const ttl = 30;
const none = (rcode: Resolution["rcode"]): Resolution => ({ rcode, answers: [], additionals: [] });

export class Zone {
  readonly domain: string;
  readonly #view: ZoneView;
  constructor(domain: string, view: ZoneView) {
    this.domain = domain.toLowerCase();
    this.#view = view;
  }

  /** Undefined when the name is not this zone's. `name` in lower case without the final dot. */
  resolve(name: string, type: string): Resolution | undefined {
    const address = ipFromReverse(name);
    if (address) return this.#reverse(name, address, type);
    if (name === this.domain) return none("NOERROR");
    if (!name.endsWith(`.${this.domain}`)) return undefined;
    const labels = name.slice(0, -this.domain.length - 1).split(".");
    const kind = labels.at(-1);
    if (labels.length === 1 && kind === "dns-version")
      return { ...none("NOERROR"), answers: type === "TXT" ? [{ name, type: "TXT", ttl, data: "1.1.0" }] : [] };
    if (kind === "svc") return this.#service(name, labels.slice(0, -1), type);
    if (kind === "pod") return this.#pod(name, labels.slice(0, -1), type);
    return none("NXDOMAIN");
  }

  #service(name: string, labels: string[], type: string): Resolution {
    if (labels.length === 0) return none("NOERROR");
    const namespace = labels.at(-1) as string;
    if (labels.length === 1) return none(this.#view.namespaceExists(namespace) ? "NOERROR" : "NXDOMAIN");
    const service = this.#view.service(namespace, labels.at(-2) as string);
    if (!service) return none("NXDOMAIN");
    const below = labels.slice(0, -2);
    if (service.spec.type === "ExternalName") return below.length ? none("NXDOMAIN") : alias(name, service.spec.externalName ?? "");
    if (below.length === 2 && below.every((l) => l.startsWith("_")))
      return this.#srv(name, service, (below[0] as string).slice(1), (below[1] as string).slice(1), type);
    const headless = service.spec.clusterIP === "None";
    if (below.length === 0) return addresses(name, type, headless ? this.#endpoints(service).map((e) => e.ip) : (service.spec.clusterIPs ?? []));
    if (below.length === 1 && headless) {
      const matching = this.#endpoints(service).filter((e) => e.label === below[0]);
      return matching.length
        ? addresses(
            name,
            type,
            matching.map((e) => e.ip),
          )
        : none("NXDOMAIN");
    }
    return none("NXDOMAIN");
  }

  /** Ready endpoints of a headless Service, with the label each is known under. */
  #endpoints(service: Service): { ip: string; label: string; slice: EndpointSlice }[] {
    const found = this.#view
      .slices(service.metadata.namespace as string, service.metadata.name)
      .flatMap((slice) =>
        (slice.endpoints ?? []).filter(isPublished).flatMap((endpoint) => endpoint.addresses.map((ip) => ({ ip, label: labelOf(endpoint, ip), slice }))),
      );
    return [...new Map(found.map((e) => [`${e.ip} ${e.label}`, e])).values()];
  }

  #srv(name: string, service: Service, port: string, protocol: string, type: string): Resolution {
    const base = this.serviceName(service);
    const same = (p: { name?: string; protocol?: string }): boolean =>
      (p.name ?? "").toLowerCase() === port && (p.protocol ?? "TCP").toLowerCase() === protocol;
    const srv = (target: string, number: number, weight: number): Answer => ({ name, type: "SRV", ttl, data: { priority: 0, weight, port: number, target } });
    if (service.spec.clusterIP !== "None") {
      const ports = (service.spec.ports ?? []).filter(same);
      if (!ports.length) return none("NXDOMAIN");
      if (type !== "SRV") return none("NOERROR");
      return {
        ...none("NOERROR"),
        answers: ports.map((p) => srv(base, p.port, 100)),
        additionals: (service.spec.clusterIPs ?? []).map((ip) => record(base, ip)),
      };
    }
    const targets = this.#endpoints(service).flatMap((e) =>
      e.slice.ports.filter(same).map((p) => ({ target: `${e.label}.${base}`, ip: e.ip, port: p.port ?? 0 })),
    );
    if (!targets.length) return none("NXDOMAIN");
    if (type !== "SRV") return none("NOERROR");
    const weight = Math.max(1, Math.floor(100 / targets.length));
    return { ...none("NOERROR"), answers: targets.map((t) => srv(t.target, t.port, weight)), additionals: targets.map((t) => record(t.target, t.ip)) };
  }

  /** `10-244-0-5.namespace.pod.zone`: the address is in the name (CoreDNS's `pods insecure`). */
  #pod(name: string, labels: string[], type: string): Resolution {
    if (labels.length === 0) return none("NOERROR");
    const namespace = labels.at(-1) as string;
    if (!this.#view.namespaceExists(namespace)) return none("NXDOMAIN");
    if (labels.length === 1) return none("NOERROR");
    const text = labels[0] as string;
    if (labels.length !== 2) return none("NXDOMAIN");
    const ip = [text.replaceAll("-", "."), text.replaceAll("-", ":")].find((candidate) => isIP(candidate));
    return ip ? addresses(name, type, [ip]) : none("NXDOMAIN");
  }

  /** Undefined for an address nobody in the cluster has: somebody outside may know it. */
  #reverse(name: string, ip: string, type: string): Resolution | undefined {
    const services = this.#view.servicesByIP(ip).map((s) => this.serviceName(s));
    const endpoints = this.#view.slicesByIP(ip).flatMap((slice) => {
      const service = this.#view.service(slice.metadata.namespace as string, serviceNameOf(slice));
      if (service?.spec.clusterIP !== "None") return [];
      return (slice.endpoints ?? []).filter((e) => isPublished(e) && e.addresses.includes(ip)).map((e) => `${labelOf(e, ip)}.${this.serviceName(service)}`);
    });
    const names = [...new Set([...services, ...endpoints])];
    if (!names.length) return undefined;
    return { ...none("NOERROR"), answers: type === "PTR" ? names.map((data) => ({ name, type: "PTR", ttl, data })) : [] };
  }

  serviceName(service: Service): string {
    return `${service.metadata.name}.${service.metadata.namespace}.svc.${this.domain}`;
  }
}

/** Endpoints without a condition count as ready (EndpointConditions.ready). */
const isPublished = (endpoint: Endpoint): boolean => endpoint.conditions?.ready !== false;
const labelOf = (endpoint: Endpoint, ip: string): string => endpoint.hostname ?? ip.replaceAll(/[.:]/g, "-");
const record = (name: string, ip: string): Answer => ({ name, type: ip.includes(":") ? "AAAA" : "A", ttl, data: ip });

function addresses(name: string, type: string, ips: string[]): Resolution {
  return { ...none("NOERROR"), answers: ips.map((ip) => record(name, ip)).filter((a) => a.type === type || type === "ANY") };
}

function alias(name: string, target: string): Resolution {
  const data = target.replace(/\.$/, "");
  return { ...none("NOERROR"), answers: [{ name, type: "CNAME", ttl, data }], external: data };
}
