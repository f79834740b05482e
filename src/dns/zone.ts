/**
 * What the cluster's names mean: the Kubernetes DNS-Based Service Discovery specification, version 1.1.0
 * (https://github.com/kubernetes/dns/blob/master/docs/specification.md). Pure over a view of Services and EndpointSlices.
 */
import { isIP } from "node:net";
import { serviceNameOf } from "../api/discovery/service-name.ts";
import type { Service } from "../api/types/core-v1.gen.ts";
import type { Endpoint, EndpointSlice } from "../api/types/discovery-v1.gen.ts";
import { fullForm, ipFromReverse } from "./reverse.ts";
import type { RR } from "./wire.ts";

export interface ZoneView {
  service(namespace: string, name: string): Service | undefined;
  /** EndpointSlices of a Service. */
  slices(namespace: string, name: string): EndpointSlice[];
  /** Services that have this cluster IP, in full form (reverse.ts). */
  servicesByIP(ip: string): Service[];
  /** Slices with this endpoint address, in full form. */
  slicesByIP(ip: string): EndpointSlice[];
  namespaceExists(name: string): boolean;
  /** False before anything is known of the cluster: then its names neither exist nor do not. */
  readonly known: boolean;
  /** Grows with every change. */
  readonly generation: number;
}

export interface Resolution {
  rcode: "NOERROR" | "NXDOMAIN" | "SERVFAIL" | "REFUSED";
  answers: RR[];
  additionals: RR[];
  /** A CNAME out of the zone, which the caller may follow. */
  external?: string;
}

/** Seconds; as CoreDNS's kubernetes plugin. */
const ttl = 30;
const none = (rcode: Resolution["rcode"]): Resolution => ({ rcode, answers: [], additionals: [] });

/** Seconds for which a name may be taken not to exist. */
const negativeTTL = 5;

export class Zone {
  readonly domain: string;
  readonly #view: ZoneView;
  readonly #addresses: readonly string[];
  /** `addresses`: of this server, under which the zone's name server is known. */
  constructor(domain: string, view: ZoneView, addresses: readonly string[] = []) {
    this.domain = domain.toLowerCase();
    this.#view = view;
    this.#addresses = addresses;
  }

  /** Answers made at one generation hold until the next. */
  get generation(): number {
    return this.#view.generation;
  }

  get soa(): RR {
    const data = { mname: this.#nameServer, rname: `hostmaster.${this.domain}`, serial: 1, refresh: 7200, retry: 1800, expire: 86400, minimum: negativeTTL };
    return { name: this.domain, type: "SOA", ttl: negativeTTL, data };
  }
  get #nameServer(): string {
    return `ns.dns.${this.domain}`;
  }

  /** Undefined when the name is not this zone's. `name` in lower case without the final dot. */
  resolve(name: string, type: string): Resolution | undefined {
    const address = ipFromReverse(name);
    if (address) return this.#view.known ? this.#reverse(name, address, type) : none("SERVFAIL");
    const ours = name === this.domain || name.endsWith(`.${this.domain}`);
    if (!ours) return undefined;
    if (type === "AXFR" || type === "IXFR") return none("REFUSED");
    if (name === this.domain) return this.#apex(type);
    if (name === this.#nameServer) return addresses(name, type, this.#addresses);
    const labels = name.slice(0, -this.domain.length - 1).split(".");
    const kind = labels.at(-1);
    if (labels.length === 1 && kind === "dns-version")
      return { ...none("NOERROR"), answers: type === "TXT" ? [{ name, type: "TXT", ttl, data: "1.1.0" }] : [] };
    if (!this.#view.known) return none("SERVFAIL");
    if (kind === "svc") return this.#service(name, labels.slice(0, -1), type);
    if (kind === "pod") return this.#pod(name, labels.slice(0, -1), type);
    return none("NXDOMAIN");
  }

  #apex(type: string): Resolution {
    const { domain } = this;
    if (type === "SOA") return { ...none("NOERROR"), answers: [this.soa] };
    if (type !== "NS" || this.#addresses.length === 0) return none("NOERROR");
    const answers: RR[] = [{ name: domain, type: "NS", ttl, data: this.#nameServer }];
    return { ...none("NOERROR"), answers, additionals: this.#addresses.map((ip) => record(this.#nameServer, ip)) };
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
    if (below.length === 0 && type === "SRV") return this.#srv(name, service, undefined, undefined, type);
    if (below.length === 0) return addresses(name, type, headless ? this.#endpoints(service).map((e) => e.ip) : (service.spec.clusterIPs ?? []));
    if (below.length === 1) {
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

  /** Of one port, or of all. */
  #srv(name: string, service: Service, port: string | undefined, protocol: string | undefined, type: string): Resolution {
    const base = this.serviceName(service);
    const same = (p: { name?: string; protocol?: string }): boolean =>
      port === undefined || ((p.name ?? "").toLowerCase() === port && (p.protocol ?? "TCP").toLowerCase() === protocol);
    const srv = (target: string, number: number, weight: number): RR => ({ name, type: "SRV", ttl, data: { priority: 0, weight, port: number, target } });
    if (service.spec.clusterIP !== "None") {
      const ports = (service.spec.ports ?? []).filter(same);
      if (!ports.length) return none(port === undefined ? "NOERROR" : "NXDOMAIN");
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
    if (!targets.length) return none(port === undefined ? "NOERROR" : "NXDOMAIN");
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
      return (slice.endpoints ?? [])
        .filter((e) => isPublished(e))
        .flatMap((e) => e.addresses.filter((address) => fullForm(address) === ip).map((address) => `${labelOf(e, address)}.${this.serviceName(service)}`));
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
const labelOf = (endpoint: Endpoint, ip: string): string => endpoint.hostname ?? ip.replaceAll(/[.:]/g, "-").replace(/-$/, "-0");
const record = (name: string, ip: string): RR => ({ name, type: ip.includes(":") ? "AAAA" : "A", ttl, data: ip });

function addresses(name: string, type: string, ips: readonly string[]): Resolution {
  return { ...none("NOERROR"), answers: ips.map((ip) => record(name, ip)).filter((a) => a.type === type) };
}

function alias(name: string, target: string): Resolution {
  const data = target.replace(/\.$/, "");
  // Kubernetes takes names with labels longer than DNS has.
  if (data === "" || data.length > 253 || data.split(".").some((label) => label === "" || label.length > 63)) return none("SERVFAIL");
  return { ...none("NOERROR"), answers: [{ name, type: "CNAME", ttl, data }], external: data };
}
