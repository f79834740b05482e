/**
 * The proxy subresources of pods, services and nodes: HTTP to what runs inside the cluster
 * (k8s.io/apimachinery/pkg/util/proxy). Upgrades pass through as they are.
 */
import { type IncomingMessage, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Duplex } from "node:stream";
import { serviceNameOf } from "../../api/discovery/service-name.ts";
import type { ApiRequest, ApiResponse } from "../../api/exchange.ts";
import { badRequest, notFound, serviceUnavailable } from "../../api/status.ts";
import type { Node, Pod, Service } from "../../api/types/core-v1.gen.ts";
import type { EndpointSlice } from "../../api/types/discovery-v1.gen.ts";
import type { Reader } from "../../cache/cache.ts";
import type { Random } from "../../base/random.ts";
import { forwardedHeaders, headerLines } from "../../base/relay.ts";
import type { KubeletTLS } from "./kubelet-client.ts";
import { type ProxiedPlace, rewriteLink, rewritePage } from "./links.ts";
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
  throw badRequest(`invalid ${kind} request ${JSON.stringify(id)}`);
}

export function podTarget(reader: Reader, namespace: string, id: string): ProxyTarget {
  const { scheme, name, port } = splitSchemeNamePort(id, "pod");
  const pod = reader.get<Pod>("pods", namespace, name);
  if (!pod) throw notFound("pods", name);
  const host = pod.status.podIP;
  if (!host) throw badRequest("address not allowed");
  const declared = pod.spec.containers.flatMap((c) => c.ports ?? [])[0]?.containerPort;
  return { scheme, host, port: Number(port || declared || (scheme === "https" ? 443 : 80)) };
}

/** One of the Service's ready endpoints at random. */
export function serviceTarget(reader: Reader, random: Random, namespace: string, id: string): ProxyTarget {
  const { scheme, name, port } = splitSchemeNamePort(id, "service");
  const service = reader.get<Service>("services", namespace, name);
  if (!service) throw notFound("services", name);
  const wanted =
    (service.spec.ports ?? []).find((p) => (/^\d+$/.test(port) ? p.port === Number(port) : (p.name ?? "") === port)) ??
    (port === "" && service.spec.ports?.length === 1 ? service.spec.ports[0] : undefined);
  if (!wanted) throw serviceUnavailable(`no service port ${/^\d+$/.test(port) ? port : JSON.stringify(port)} found for service ${JSON.stringify(name)}`);
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
  if (!chosen) throw serviceUnavailable(`no endpoints available for service ${JSON.stringify(id)}`);
  return { scheme, ...chosen };
}

export function nodeTarget(reader: Reader, id: string, tls: KubeletTLS): ProxyTarget {
  const { name, port } = splitSchemeNamePort(id, "node");
  const node = reader.get<Node>("nodes", "", name);
  if (!node) throw notFound("nodes", name);
  const endpoint = kubeletOf(node);
  if (port === "" || Number(port) === endpoint.port) return { scheme: "https", ...endpoint, tls };
  return { scheme: "http", host: endpoint.host, port: Number(port) };
}

/** Headers that concern one connection only (RFC 9110 section 7.6.1), and credentials that are ours alone. */
const notForwarded = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "host",
  "authorization",
]);

export interface ProxiedPath {
  /** Begins with "/". */
  path: string;
  /** What stood before it in the request: put before redirects and links of the target. */
  prefix: string;
}

/** Rejects with StatusError 503 when the target cannot be reached. */
export function proxyRequest(request: ApiRequest, target: ProxyTarget, { path, prefix }: ProxiedPath): Promise<ApiResponse> {
  const query = request.query.toString();
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(request.headers))
    if (value !== undefined && !notForwarded.has(name)) headers[name] = request.repeatedHeaders?.[name] ?? value;
  headers["x-forwarded-for"] = [request.headers["x-forwarded-for"], request.remoteAddress].filter(Boolean).join(", ");
  headers["x-forwarded-uri"] = `${prefix}${path}`;
  return new Promise((resolve, reject) => {
    const call = open(target, `${path}${query ? `?${query}` : ""}`, request.method, headers, request.signal);
    const place = { prefix, targetHost: `${target.host}:${target.port}`, requestHost: request.headers.host ?? "" };
    call.on("response", (response) => answerOf(response, place).then(resolve, reject));
    call.on("error", (error) => reject(request.signal.aborted ? request.signal.reason : serviceUnavailable(`error trying to reach service: ${error.message}`)));
    if (request.body === undefined) call.end();
    else if (request.body instanceof Uint8Array) call.end(request.body);
    else pump(request.body, call).catch((error: Error) => call.destroy(error));
  });
}

async function pump(body: AsyncIterable<Uint8Array>, call: ReturnType<typeof httpRequest>): Promise<void> {
  for await (const chunk of body) if (!call.write(chunk)) await new Promise((resolve) => call.once("drain", resolve).once("close", resolve));
  call.end();
}

/** Switches protocols with the target; gives its answer and, where it agreed, its socket. */
export function proxyUpgrade(
  request: IncomingMessage,
  target: ProxyTarget,
  path: string,
  signal: AbortSignal,
): Promise<{ response: IncomingMessage; socket?: Duplex; head?: Buffer }> {
  return new Promise((resolve, reject) => {
    const headers = forwardedHeaders(request.rawHeaders);
    const before = headers["x-forwarded-for"]?.join(", ");
    headers["x-forwarded-for"] = [[before, request.socket.remoteAddress].filter(Boolean).join(", ")];
    const call = open(target, path, request.method ?? "GET", headers, signal);
    call.on("upgrade", (response, socket, head) => resolve({ response, socket, head }));
    call.on("response", (response) => resolve({ response }));
    call.on("error", (error) => reject(serviceUnavailable(`error trying to reach service: ${error.message}`)));
    call.end();
  });
}

function open(
  target: ProxyTarget,
  path: string,
  method: string,
  headers: Record<string, string | string[]>,
  signal: AbortSignal,
): ReturnType<typeof httpRequest> {
  const options = { host: target.host, port: target.port, path, method, headers, signal, agent: false as const };
  if (target.scheme === "http") return httpRequest(options);
  // What runs in a pod has a certificate that nobody here can know; upstream does not verify it either.
  return httpsRequest({ ...options, ...(target.tls ?? { rejectUnauthorized: false }) });
}

async function answerOf(response: IncomingMessage, place: ProxiedPlace): Promise<ApiResponse> {
  const headers: Record<string, string> = {};
  const repeatedHeaders: Record<string, string[]> = {};
  for (const [name, values] of headerLines(response.rawHeaders)) {
    if (notForwarded.has(name)) continue;
    if (values.length > 1) repeatedHeaders[name] = values;
    else headers[name] = values[0] as string;
  }
  const answer = { status: response.statusCode ?? 502, headers, repeatedHeaders };
  if (headers.location) headers.location = rewriteLink(headers.location, place);
  else if (headers["content-type"]?.split(";")[0]?.trim() === "text/html") {
    const page = await rewritePage(response, headers["content-encoding"] ?? "", place);
    if (page) {
      delete headers["content-length"];
      return { ...answer, body: page };
    }
  }
  return { ...answer, body: response };
}
