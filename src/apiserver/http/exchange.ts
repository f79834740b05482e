/** Sockets to ApiRequest and ApiResponse to sockets, for HTTP/1.1 and HTTP/2 alike. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { Writable } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { ApiHandler, ApiRequest, ApiResponse } from "../../api/exchange.ts";
import { compress } from "./compress.ts";

interface Peer {
  certificate?: Uint8Array;
  error?: string;
}
const peers = new WeakMap<TLSSocket, Peer>();

/** What TLS says of the other side, looked up once per connection. */
function peerOf(socket: TLSSocket): Peer {
  const known = peers.get(socket);
  if (known) return known;
  const raw = socket.getPeerCertificate?.()?.raw as Uint8Array | undefined;
  const peer: Peer = !raw ? {} : socket.authorized ? { certificate: raw } : { error: String(socket.authorizationError ?? "certificate does not verify") };
  peers.set(socket, peer);
  return peer;
}

interface Headers {
  headers: Record<string, string | undefined>;
  repeatedHeaders?: Record<string, string[] | undefined>;
}

/** `raw` are names and values in turn, as they came. */
function headersOf(headers: IncomingHttpHeaders, raw: readonly string[]): Headers {
  const flat: Record<string, string | undefined> = Object.create(null);
  let names = 0;
  for (const name in headers) {
    const value = headers[name];
    names++;
    if (name.charCodeAt(0) !== 58) flat[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return raw.length > names * 2 ? { headers: flat, repeatedHeaders: repeated(raw) } : { headers: flat };
}

function repeated(raw: readonly string[]): Record<string, string[] | undefined> {
  const values = new Map<string, string[]>();
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] as string).toLowerCase();
    const known = values.get(name);
    if (known) known.push(raw[i + 1] as string);
    else values.set(name, [raw[i + 1] as string]);
  }
  const out: Record<string, string[] | undefined> = Object.create(null);
  for (const [name, all] of values) if (all.length > 1) out[name] = all;
  return out;
}

interface Line {
  method: string;
  target: string;
  headers: IncomingHttpHeaders;
  rawHeaders: readonly string[];
  socket: TLSSocket;
  body?: AsyncIterable<Uint8Array>;
  signal: AbortSignal;
}

function apiRequest(line: Line): ApiRequest {
  const mark = line.target.indexOf("?");
  const peer = peerOf(line.socket);
  return {
    method: line.method,
    path: mark < 0 ? line.target : line.target.slice(0, mark),
    query: new URLSearchParams(mark < 0 ? "" : line.target.slice(mark + 1)),
    ...headersOf(line.headers, line.rawHeaders),
    ...(line.body ? { body: line.body } : {}),
    ...(peer.certificate ? { clientCertificate: peer.certificate } : {}),
    ...(peer.error ? { clientCertificateError: peer.error } : {}),
    remoteAddress: line.socket.remoteAddress ?? "",
    signal: line.signal,
  };
}

/** The request of an upgrade, which has no answer of the usual kind. */
export function upgradeRequest(message: IncomingMessage, signal: AbortSignal): ApiRequest {
  const { method = "GET", url = "/", headers, rawHeaders } = message;
  return apiRequest({ method, target: url, headers, rawHeaders, socket: message.socket as TLSSocket, signal });
}

const quoteWarning = (text: string): string => `299 - "${text.replace(/[\\"]/g, "\\$&").replace(/[^\t\x20-\x7e]/g, (c) => (c < " " ? " " : encodeURI(c)))}"`;

function answerHeaders(response: ApiResponse): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = { ...response.headers };
  if (response.warnings?.length) headers.warning = response.warnings.map(quoteWarning);
  if (response.body instanceof Uint8Array) headers["content-length"] = String(response.body.length);
  else if (response.body === undefined && response.status !== 204 && response.status !== 304 && !headers["content-length"]) headers["content-length"] = "0";
  return headers;
}

/** Writes chunk by chunk, waiting while the other side does not take more; stops taking chunks when it went away. */
async function pump(body: AsyncIterable<Uint8Array>, out: Writable, signal: AbortSignal): Promise<void> {
  for await (const chunk of body) {
    if (signal.aborted) return;
    if (!out.write(chunk)) await drained(out, signal);
  }
}

function drained(out: Writable, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      out.removeListener("drain", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    if (signal.aborted) return resolve();
    out.once("drain", done);
    signal.addEventListener("abort", done);
  });
}

export async function serveHttp1(handler: ApiHandler, message: IncomingMessage, reply: ServerResponse): Promise<void> {
  const abort = new AbortController();
  reply.on("close", () => abort.abort(new Error("the client went away")));
  reply.on("error", () => abort.abort(new Error("the connection broke")));
  message.on("error", () => abort.abort(new Error("the connection broke")));
  const hasBody = message.headers["content-length"] !== undefined || message.headers["transfer-encoding"] !== undefined;
  const request = apiRequest({
    method: message.method ?? "GET",
    target: message.url ?? "/",
    headers: message.headers,
    rawHeaders: message.rawHeaders,
    socket: message.socket as TLSSocket,
    ...(hasBody ? { body: message } : {}),
    signal: abort.signal,
  });
  const response = await compress(await handler(request), request.headers["accept-encoding"]);
  if (abort.signal.aborted) return;
  if (hasBody && !message.complete) reply.shouldKeepAlive = false;
  reply.writeHead(response.status, answerHeaders(response));
  if (message.method === "HEAD" || response.body === undefined) reply.end();
  else if (response.body instanceof Uint8Array) reply.end(response.body);
  else {
    reply.flushHeaders();
    try {
      await pump(response.body, reply, abort.signal);
      reply.end();
    } catch {
      // The status line has gone; a cut connection is the only way left to say that the body is not whole.
      reply.destroy();
    }
  }
  if (hasBody && !message.complete) message.resume();
}

export async function serveHttp2(handler: ApiHandler, stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: readonly string[]): Promise<void> {
  const abort = new AbortController();
  let answered = false;
  // Every stream closes in the end; making an error each time costs more than routing the request.
  stream.on("close", () => {
    if (!answered) abort.abort(new Error("the client went away"));
  });
  stream.on("error", () => abort.abort(new Error("the stream broke")));
  const method = String(headers[":method"] ?? "GET");
  const hasBody = !stream.endAfterHeaders;
  const socket = stream.session?.socket as TLSSocket | undefined;
  if (!socket) return stream.close(constants.NGHTTP2_CANCEL);
  const request = apiRequest({
    method,
    target: String(headers[":path"] ?? "/"),
    headers,
    rawHeaders,
    socket,
    ...(hasBody ? { body: stream } : {}),
    signal: abort.signal,
  });
  const response = await compress(await handler(request), request.headers["accept-encoding"]);
  if (abort.signal.aborted || stream.destroyed) return;
  const endStream = method === "HEAD" || response.body === undefined;
  stream.respond({ ...answerHeaders(response), ":status": response.status }, { endStream });
  if (endStream) {
    answered = true;
    return;
  }
  if (response.body instanceof Uint8Array) {
    answered = true;
    stream.end(response.body);
  } else {
    try {
      await pump(response.body as AsyncIterable<Uint8Array>, stream, abort.signal);
      answered = true;
      stream.end();
    } catch {
      stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    }
  }
  if (hasBody && !stream.readableEnded) stream.resume();
}
