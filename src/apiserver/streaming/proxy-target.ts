/** What stands behind the proxy subresource of a pod, a service or a node (pkg/registry/core/{pod,service,node}: ResourceLocation). */
import { goQuote } from "../../api/go-quote.ts";
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { serviceNameOf } from "../../api/discovery/service-name.ts";
import { isGlobalUnicast, parseIP } from "../../api/ip.ts";
import { badRequest, notFound, serviceUnavailable } from "../../api/status.ts";
import type { Node, Pod, Service } from "../../api/types/core-v1.gen.ts";
import type { EndpointSlice } from "../../api/types/discovery-v1.gen.ts";
import type { Random } from "../../base/random.ts";
import type { Reader } from "../../cache/cache.ts";
import type { KubeletTLS } from "./kubelet-client.ts";
import { core, placeOf } from "../rest/place.ts";
import { kubeletOf } from "./location.ts";

export interface ProxyTarget {
  scheme: "http" | "https";
  host: string;
  port: number;
  /** Set for kubelets, whose certificates are known. */
  tls?: KubeletTLS;
}

/** `[scheme:]name[:port]`; schemes are only taken with the colon form of three parts or `https:name:`. */
export function splitSchemeNamePort(id: string, kind: "pod" | "service" | "node"): { scheme: "http" | "https"; name: string; port: string } {
  const parts = id.split(":");
  const [first = "", second = "", third = ""] = parts;
  if (parts.length === 1) return { scheme: "http", name: first, port: "" };
  if (parts.length === 2) return { scheme: "http", name: first, port: second };
  if (parts.length === 3 && (first === "http" || first === "https" || first === ""))
    return { scheme: first === "https" ? "https" : "http", name: second, port: third };
  throw badRequest(`invalid ${kind} request ${goQuote(id)}`);
}

export function podTarget(reader: Reader, namespace: string, id: string): ProxyTarget {
  const { scheme, name, port } = splitSchemeNamePort(id, "pod");
  const pod = reader.get<Pod>("pods", placeOf(core("pods"), { namespace, name }), name);
  if (!pod) throw notFound("pods", name);
  const host = pod.status.podIP ?? "";
  checkAddress(host);
  const declared = pod.spec.containers.flatMap((c) => c.ports ?? [])[0]?.containerPort;
  return { scheme, host, port: portOf(port || String(declared ?? (scheme === "https" ? 443 : 80))) };
}

/** One of the Service's ready endpoints at random. */
export function serviceTarget(reader: Reader, random: Random, namespace: string, id: string): ProxyTarget {
  const { scheme, name, port } = splitSchemeNamePort(id, "service");
  const service = reader.get<Service>("services", placeOf(core("services"), { namespace, name }), name);
  if (!service) throw notFound("services", name);
  const wanted =
    (service.spec.ports ?? []).find((p) => (/^\d+$/.test(port) ? p.port === Number(port) : (p.name ?? "") === port)) ??
    (port === "" && service.spec.ports?.length === 1 ? service.spec.ports[0] : undefined);
  if (!wanted) throw serviceUnavailable(`no service port ${/^\d+$/.test(port) ? port : goQuote(port)} found for service ${goQuote(name)}`);
  const candidates = reader
    .list<EndpointSlice>("endpointslices.discovery.k8s.io", namespace)
    .filter((slice) => serviceNameOf(slice) === name)
    .flatMap((slice) => {
      const found = slice.ports?.find((p) => (p.name ?? "") === (wanted.name ?? ""));
      return found?.port
        ? (slice.endpoints ?? []).filter((e) => e.conditions?.ready !== false).map((e) => ({ host: e.addresses[0] as string, port: found.port as number }))
        : [];
    });
  const chosen = candidates[random.int(candidates.length)];
  if (!chosen) throw serviceUnavailable(`no endpoints available for service ${goQuote(id)}`);
  return { scheme, ...chosen };
}

export async function nodeTarget(reader: Reader, id: string, tls: KubeletTLS): Promise<ProxyTarget> {
  const { scheme, name, port } = splitSchemeNamePort(id, "node");
  placeOf(core("nodes", false), { namespace: "", name });
  const node = reader.get<Node>("nodes", "", name);
  if (!node) throw notFound("nodes", name);
  const endpoint = kubeletOf(node);
  for (const address of await addressesOf(endpoint.host)) checkAddress(address);
  if (port === "" || Number(port) === endpoint.port) return { scheme: "https", ...endpoint, tls };
  return { scheme, host: endpoint.host, port: portOf(port) };
}

/** Whoever writes the address of a node or a pod must not lead the server to itself or to its own link. Throws 400. */
function checkAddress(address: string): void {
  const ip = parseIP(address);
  if (!ip || !isGlobalUnicast(ip.bytes)) throw badRequest("address not allowed");
}

async function addressesOf(host: string): Promise<string[]> {
  if (isIP(host)) return [host];
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch {
    throw badRequest(`lookup ${host}: no such host`);
  }
}

function portOf(text: string): number {
  const port = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_535)) throw serviceUnavailable(`error trying to reach service: dial tcp: address ${text}: invalid port`);
  return port;
}
