/**
 * The proxy subresources of pods, services and nodes: HTTP to what runs inside the cluster
 * (k8s.io/apimachinery/pkg/util/proxy). Upgrades pass through as they are.
 */
import type { IncomingMessage } from "node:http";
import { request as httpRequest } from "../../base/http1.ts";
import { request as httpsRequest } from "node:https";
import type { Duplex } from "node:stream";
import type { ApiRequest, ApiResponse } from "../../api/exchange.ts";
import { serviceUnavailable } from "../../api/status.ts";
import { drained } from "../../base/drained.ts";
import { forwardedHeaders, headerLines } from "../../base/relay.ts";
import { type ProxiedPlace, rewriteLink, rewritePage } from "./links.ts";
import type { ProxyTarget } from "./proxy-target.ts";

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
  for await (const chunk of body) {
    if (call.destroyed) return;
    if (!call.write(chunk)) await drained(call);
  }
  call.end();
}

/** Switches protocols with the target; gives its answer and, where it agreed, its socket. */
export function proxyUpgrade(
  message: IncomingMessage,
  request: ApiRequest,
  target: ProxyTarget,
  path: string,
): Promise<{ response: IncomingMessage; socket?: Duplex; head?: Buffer }> {
  return new Promise((resolve, reject) => {
    const headers = forwardedHeaders(message.rawHeaders, request.headers["sec-websocket-protocol"]);
    const before = headers["x-forwarded-for"]?.join(", ");
    headers["x-forwarded-for"] = [[before, request.remoteAddress].filter(Boolean).join(", ")];
    const call = open(target, path, request.method, headers, request.signal);
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
