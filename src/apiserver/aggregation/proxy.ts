/**
 * A request that goes on to the server behind an APIService, and its answer as it came (handler_proxy.go of kube-aggregator,
 * k8s.io/apimachinery/pkg/util/proxy). What cannot be forwarded is answered in plain text, as upstream does.
 */
import type { ClientRequest, IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { ApiRequest, ApiResponse, UserInfo } from "../../api/exchange.ts";
import type { WatchEvent } from "../../api/object.ts";
import { StatusError, timeout } from "../../api/status.ts";
import type { Clock } from "../../base/clock.ts";
import { drained } from "../../base/drained.ts";
import type { Logger } from "../../base/logger.ts";
import { type Span, traceHeaders } from "../../base/tracing/span.ts";
import { forwardedHeaders, headerLines } from "../../base/relay.ts";
import { outgoingSpan } from "../tracing/outgoing.ts";
import { Unroutable } from "../service-resolver.ts";
import { type Backends, type OutgoingHeaders, urlOf, withUser } from "./backend.ts";
import type { Remote } from "./remotes.ts";

export interface ForwardOptions {
  backends: Backends;
  clock: Clock;
  logger: Logger;
  /** Milliseconds that an answer that is no watch may take, its body included. */
  patience: number;
}

/** Milliseconds for `/apis/GROUP/VERSION`, which every client waits for. */
const discoveryPatience = 5000;
/** Bytes of an answer that is made an object for a component in this process. */
const objectLimit = 256 << 20;

/** Of one connection only (RFC 9110, section 7.6.1), and credentials, which are for this server alone. */
const ownHeaders = new Set([
  ...["connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"],
  ...["host", "authorization", "content-length"],
]);
const impersonating = /^impersonate-/;
const crossOrigin = /^access-control-allow-(origin|headers|methods|credentials)$|^access-control-expose-headers$/;

const plain = (status: number, message: string): ApiResponse => ({
  status,
  headers: { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" },
  body: Buffer.from(`${message}\n`),
});

export const unavailable = (): ApiResponse => plain(503, "service unavailable");
const unreachable = (error: Error): ApiResponse => plain(503, `error trying to reach service: ${error.message}`);

/** As Go's url.URL writes a path that it has read: escaped slashes are slashes. */
const escaped = (path: string): string =>
  path.includes("%") ? encodeURI(decodeURIComponent(path)).replace(/[!'()*?#]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`) : path;
const pathOf = ({ path, query }: ApiRequest): string => (query.size ? `${escaped(path)}?${sorted(query)}` : escaped(path));
/** As Go's url.Values writes itself: by name. */
function sorted(query: URLSearchParams): URLSearchParams {
  const copy = new URLSearchParams(query);
  copy.sort();
  return copy;
}

function headersOf(request: ApiRequest, user: UserInfo, host: string): OutgoingHeaders {
  const headers: OutgoingHeaders = {};
  for (const [name, value] of Object.entries(request.headers))
    if (value !== undefined && !ownHeaders.has(name) && !impersonating.test(name)) headers[name] = request.repeatedHeaders?.[name] ?? value;
  headers["x-forwarded-for"] = [request.headers["x-forwarded-for"], request.remoteAddress].filter(Boolean).join(", ");
  headers["x-forwarded-uri"] = escaped(request.path);
  headers["x-forwarded-proto"] = "https";
  headers["x-forwarded-host"] = host;
  return withUser(headers, user);
}

/** Resolves with the head of the answer; its body follows with back-pressure. Rejects only when the caller has gone. */
export async function forward(request: ApiRequest, user: UserInfo, remote: Remote, long: boolean, options: ForwardOptions): Promise<ApiResponse> {
  const { backends, clock, logger, patience } = options;
  if (!remote.available) return unavailable();
  let span: Span | undefined;
  const stop = new AbortController();
  const gone = (): void => stop.abort(request.signal.reason);
  request.signal.addEventListener("abort", gone, { once: true });
  const discovery = request.path.split("/").filter(Boolean).length === 3;
  const late = (): void => stop.abort(timeout("the server behind the API did not answer in time"));
  const timer = long ? undefined : clock.after(discovery ? Math.min(discoveryPatience, patience) : patience, late);
  const settled = (): void => {
    timer?.cancel();
    request.signal.removeEventListener("abort", gone);
  };
  try {
    const address = backends.address(remote);
    const headers = headersOf(request, user, new URL(urlOf(address)).host);
    if (request.span) {
      span = outgoingSpan(request.span, request.method, urlOf(address) + escaped(request.path));
      Object.assign(headers, traceHeaders(span.context));
    }
    const bytes = request.asObject && request.object !== undefined ? Buffer.from(JSON.stringify(request.object)) : request.body;
    frame(headers, bytes, request.headers["content-length"]);
    const outgoing = { method: request.method, path: pathOf(request), headers, signal: stop.signal, annotate: request.annotate };
    const response = await exchange(() => backends.open(remote, outgoing, address), bytes);
    // Whoever gives the answer up, begun or not, ends the exchange behind it.
    response.once("close", settled);
    span?.set({ "http.response.status_code": response.statusCode ?? 0 });
    if (isRedirect(response)) {
      response.destroy();
      return {
        status: 502,
        headers: { "content-type": "text/plain; charset=utf-8" },
        body: Buffer.from("the backend attempted to redirect this request, which is not permitted"),
      };
    }
    return await answerOf(response, request);
  } catch (error) {
    settled();
    span?.fail((error as Error).message);
    if (request.signal.aborted) throw request.signal.reason;
    logger.debug("an aggregated API could not be reached", { name: remote.name, error });
    if (error instanceof Unroutable) return unavailable();
    return unreachable(error as Error);
  } finally {
    span?.end();
  }
}

/** Bodies are framed by us: node:http frames none of DELETE, and what follows it would be taken for the next request. */
function frame(headers: OutgoingHeaders, body: ApiRequest["body"], length: string | undefined): void {
  if (body instanceof Uint8Array) headers["content-length"] = String(body.length);
  else if (body && length !== undefined) headers["content-length"] = length;
  else if (body) headers["transfer-encoding"] = "chunked";
}

/** Sends the request; without a body once more where a kept connection was closed just as it was used again (RFC 9112, section 9.3.1). */
async function exchange(open: () => ClientRequest, body: ApiRequest["body"]): Promise<IncomingMessage> {
  const call = open();
  const arrived = new Promise<IncomingMessage>((resolve, reject) => call.on("response", resolve).on("error", reject));
  if (body === undefined) call.end();
  else if (body instanceof Uint8Array) call.end(body);
  else pump(body, call).catch((error: Error) => call.destroy(error));
  try {
    return await arrived;
  } catch (error) {
    if (body !== undefined || !call.reusedSocket || (error as NodeJS.ErrnoException).code !== "ECONNRESET") throw error;
    return exchange(open, body);
  }
}

const isRedirect = ({ statusCode = 0, headers }: IncomingMessage): boolean => statusCode >= 300 && statusCode <= 399 && headers.location !== undefined;

async function pump(body: AsyncIterable<Uint8Array>, call: ReturnType<Backends["open"]>): Promise<void> {
  for await (const chunk of body) {
    if (call.destroyed) return;
    if (!call.write(chunk)) await drained(call);
  }
  call.end();
}

async function answerOf(response: IncomingMessage, request: ApiRequest): Promise<ApiResponse> {
  const headers: Record<string, string> = {};
  const repeatedHeaders: Record<string, string[]> = {};
  for (const [name, values] of headerLines(response.rawHeaders)) {
    if ((ownHeaders.has(name) && name !== "content-length") || crossOrigin.test(name)) continue;
    if (values.length > 1) repeatedHeaders[name] = values;
    else headers[name] = values[0] as string;
  }
  const status = response.statusCode ?? 502;
  if (!request.asObject) return { status, headers, repeatedHeaders, body: response };
  if (status === 200 && request.query.get("watch")) return { status, headers, events: eventsOf(response) };
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > objectLimit) throw new Error("the answer is too long");
    chunks.push(chunk);
  }
  return { status, headers, body: Buffer.concat(chunks) };
}

/** Events as lines of JSON. */
async function* eventsOf(response: AsyncIterable<Buffer>): AsyncGenerator<WatchEvent> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of response) {
    rest += decoder.decode(chunk, { stream: true });
    if (rest.length > objectLimit) throw new Error("an event is too long");
    const lines = rest.split("\n");
    rest = lines.pop() as string;
    for (const line of lines) if (line) yield JSON.parse(line) as WatchEvent;
  }
}

/** Switches protocols with the server behind the API; gives its answer and, where it agreed, its socket. Rejects with StatusError. */
export function forwardUpgrade(
  request: IncomingMessage,
  { signal, path, query, headers: own }: ApiRequest,
  user: UserInfo,
  remote: Remote,
  { backends }: ForwardOptions,
): Promise<{ response: IncomingMessage; socket?: Duplex; head?: Buffer }> {
  const refused = (message: string): StatusError => new StatusError({ code: 503, reason: "ServiceUnavailable", message });
  if (!remote.available) return Promise.reject(refused("service unavailable"));
  const headers = withUser(forwardedHeaders(request.rawHeaders, own["sec-websocket-protocol"]), user);
  for (const name of Object.keys(headers)) if (impersonating.test(name)) delete headers[name];
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => reject(refused(error instanceof Unroutable ? "service unavailable" : `error dialing backend: ${error.message}`));
    try {
      const call = backends.openUpgrade(remote, { method: request.method ?? "GET", path: query.size ? `${path}?${query}` : path, headers, signal });
      call.on("upgrade", (response, socket, head) => resolve({ response, socket, head }));
      call.on("response", (response) => resolve({ response }));
      call.on("error", failed);
      call.end();
    } catch (error) {
      failed(error as Error);
    }
  });
}
