/** Sockets to ApiRequest and ApiResponse to sockets, for HTTP/1.1 and HTTP/2 alike. */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { ApiHandler, ApiRequest, ApiResponse } from "../../api/exchange.ts";
import { Fields } from "../../base/http2/fields.ts";
import type { Http2Stream } from "../../base/http2/stream.ts";
import { drained } from "../../base/drained.ts";
import { ServerResponse } from "../../base/http1.ts";
import { headerLines } from "../../base/relay.ts";
import { sentCertificates } from "../../base/sent-certificates.ts";
import type { Clock } from "../../base/clock.ts";
import { LazyAbort } from "../lazy-abort.ts";
import { compress } from "./compress.ts";
import { warningLines } from "./warnings.ts";

interface Peer {
  certificates?: readonly Uint8Array[];
  address: string;
}
const peers = new WeakMap<TLSSocket, Peer>();

/** What TLS says of the other side, looked up once per connection. */
function peerOf(socket: TLSSocket): Peer {
  const known = peers.get(socket);
  if (known) return known;
  const certificates = sentCertificates(socket);
  const peer: Peer = { address: socket.remoteAddress ?? "", ...(certificates.length ? { certificates } : {}) };
  peers.set(socket, peer);
  return peer;
}

interface Headers {
  headers: Record<string, string | undefined>;
  repeatedHeaders?: Record<string, string[] | undefined>;
}

/** `raw` are names and values in turn, as they came. */
function headersOf(headers: IncomingHttpHeaders, raw: readonly string[]): Headers {
  const flat = new Fields();
  let names = 0;
  for (const name in headers) {
    const value = headers[name];
    names++;
    if (name.charCodeAt(0) !== 58) flat[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return raw.length > names * 2 ? { headers: flat, repeatedHeaders: repeated(raw) } : { headers: flat };
}

/** A copy: the connection keeps the record for its next request, and authentication takes credentials out of what it is given. */
function headersOfHead({ headers, repeated: repeatedHeaders }: Http2Stream["read"]["head"]): Headers {
  const own = new Fields();
  for (const name in headers) own[name] = headers[name];
  return repeatedHeaders ? { headers: own, repeatedHeaders: { ...repeatedHeaders } } : { headers: own };
}

function repeated(raw: readonly string[]): Record<string, string[] | undefined> {
  const out: Record<string, string[] | undefined> = Object.create(null);
  for (const [name, values] of headerLines(raw)) if (values.length > 1) out[name] = values;
  return out;
}

const noQuery = new URLSearchParams();

/** The signal is made when somebody asks for it: most requests are answered before. */
class SocketRequest implements ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly target: string;
  readonly headers: Record<string, string | undefined>;
  declare repeatedHeaders?: Record<string, string[] | undefined>;
  declare body?: Uint8Array | AsyncIterable<Uint8Array>;
  declare clientCertificates?: readonly Uint8Array[];
  readonly remoteAddress: string;
  #gone?: Error;
  #abort?: LazyAbort;

  constructor(method: string, target: string, { headers, repeatedHeaders }: Headers, peer: Peer, body: ApiRequest["body"]) {
    const mark = target.indexOf("?");
    this.method = method;
    this.target = target;
    this.path = mark < 0 ? target : target.slice(0, mark);
    this.query = mark < 0 ? noQuery : new URLSearchParams(target.slice(mark + 1));
    this.headers = headers;
    if (repeatedHeaders) this.repeatedHeaders = repeatedHeaders;
    if (body) this.body = body;
    if (peer.certificates) this.clientCertificates = peer.certificates;
    this.remoteAddress = peer.address;
  }
  get signal(): AbortSignal {
    return this.#aborts().signal;
  }
  onAbort(fn: (reason: unknown) => void): () => void {
    return this.#aborts().onAbort(fn);
  }
  get gone(): boolean {
    return this.#gone !== undefined;
  }
  /** Nobody waits for the answer any more. */
  abort(error: Error): void {
    this.#gone ??= error;
    this.#abort?.abort(this.#gone);
  }
  #aborts(): LazyAbort {
    this.#abort ??= new LazyAbort();
    if (this.#gone) this.#abort.abort(this.#gone);
    return this.#abort;
  }
}

/** A request that asks to leave HTTP, and what it came on. */
export interface Upgrade {
  request: IncomingMessage;
  socket: Duplex;
  head: Buffer;
}

/** The request of an upgrade, which has no answer of the usual kind. */
export function upgradeRequest(message: IncomingMessage, signal: AbortSignal): SocketRequest {
  const { method = "GET", url = "/", headers, rawHeaders } = message;
  const peer = peerOf(message.socket as TLSSocket);
  const request = new SocketRequest(method, url, headersOf(headers, rawHeaders), peer, undefined);
  signal.addEventListener("abort", () => request.abort(signal.reason as Error), { once: true });
  if (signal.aborted) request.abort(signal.reason as Error);
  return request;
}

/** What belongs to one connection and is not passed on (RFC 9110, 7.6.1; RFC 9113, 8.2.2). */
const ofConnection = new Set(["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"]);
const unsendable = /[^\t\x20-\x7e\x80-\xff]/;

/** Names and values in turn. */
function answerHeaders(response: ApiResponse, date: string): string[] {
  const { headers, repeatedHeaders, body, status } = response;
  const list: string[] = [];
  const add = (name: string, value: string): void => {
    if (unsendable.test(value)) throw new TypeError(`the header ${name} cannot be sent: ${JSON.stringify(value)}`);
    list.push(name, value);
  };
  for (const name in headers) if (!ofConnection.has(name)) add(name, headers[name] as string);
  for (const name in repeatedHeaders) if (!ofConnection.has(name)) for (const value of repeatedHeaders[name] ?? []) add(name, value);
  if (response.warnings?.length) for (const line of warningLines(response.warnings)) list.push("warning", line);
  if (body instanceof Uint8Array) {
    if (headers["content-length"] === undefined) list.push("content-length", String(body.length));
  } else if (body === undefined && status !== 204 && status !== 304 && !headers["content-length"]) list.push("content-length", "0");
  if (headers.date === undefined) list.push("date", date);
  return list;
}

/** Nobody waits for the answer: who makes its chunks is told. */
export async function abandon(body: ApiResponse["body"]): Promise<void> {
  if (body !== undefined && !(body instanceof Uint8Array)) await body[Symbol.asyncIterator]().return?.();
}

/** Where an answer's chunks go. */
interface Taker {
  /** False: wait for drained() before the next. */
  write(chunk: Uint8Array): boolean;
  drained(): Promise<void>;
}

/**
 * Writes chunk by chunk, waiting while the other side does not take more; stops taking chunks when it went away. Where the
 * answer is cut, `breakOff` is called at once, whatever is waited for; who waits for the other side then waits no longer.
 */
async function pump(body: AsyncIterable<Uint8Array>, out: Taker, request: SocketRequest, cut: AbortSignal | undefined, breakOff: () => void): Promise<void> {
  cut?.addEventListener("abort", breakOff, { once: true });
  try {
    for await (const chunk of body) {
      if (request.gone) return;
      cut?.throwIfAborted();
      if (!out.write(chunk)) await out.drained();
      cut?.throwIfAborted();
    }
  } finally {
    cut?.removeEventListener("abort", breakOff);
  }
}

export interface AnswerOptions {
  /** Text of the header of that name. */
  date(): string;
  /** Sockets live in real time. */
  clock: Clock;
  beforeAnswer?(): void;
}

/** Milliseconds without a byte taken after which an answer that is complete is given up; over HTTP/2 see base/http2/patience.ts. */
const stalledAfter = 60_000;

/** Looks, until all is sent, whether the client takes some of it. */
function watchSending(reply: ServerResponse, clock: Clock): void {
  const { socket } = reply;
  if (reply.writableFinished || !socket) return;
  let before = socket.writableLength;
  const look = (): void => {
    if (socket.writableLength === before && before > 0) reply.destroy();
    before = socket.writableLength;
    timer = clock.after(stalledAfter, look);
  };
  let timer = clock.after(stalledAfter, look);
  reply.once("close", () => timer.cancel());
}

const hasBody = ({ headers }: IncomingMessage): boolean => headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;

export async function serveHttp1(handler: ApiHandler, message: IncomingMessage, reply: ServerResponse, options: AnswerOptions): Promise<void> {
  const { method = "GET", url = "/", headers, rawHeaders } = message;
  const peer = peerOf(message.socket as TLSSocket);
  const request = new SocketRequest(method, url, headersOf(headers, rawHeaders), peer, hasBody(message) ? message : undefined);
  let answered = false;
  reply.on("close", () => {
    if (!answered) request.abort(new Error("the client went away"));
  });
  reply.on("error", () => request.abort(new Error("the connection broke")));
  message.on("error", () => request.abort(new Error("the connection broke")));
  const response = await compress(await handler(request), request.headers["accept-encoding"]);
  await answerHttp1(request, response, message, reply, options, () => {
    answered = true;
  });
}

/** `answered` is called when nothing more is to be made. */
async function answerHttp1(
  request: SocketRequest,
  response: ApiResponse,
  message: IncomingMessage,
  reply: ServerResponse,
  options: AnswerOptions,
  answered: () => void,
): Promise<void> {
  if (request.gone) return abandon(response.body);
  const unread = hasBody(message) && !message.complete;
  if (unread) reply.shouldKeepAlive = false;
  options.beforeAnswer?.();
  reply.writeHead(response.status, answerHeaders(response, options.date()));
  if (message.method === "HEAD" || response.body === undefined || response.body instanceof Uint8Array) {
    answered();
    if (message.method === "HEAD" || response.body === undefined) {
      reply.end();
      await abandon(response.body);
    } else reply.end(response.body);
    watchSending(reply, options.clock);
  } else {
    reply.flushHeaders();
    try {
      const out: Taker = { write: (chunk) => reply.write(chunk), drained: () => drained(reply) };
      await pump(response.body, out, request, response.cut, () => void reply.destroy());
      answered();
      reply.end();
      watchSending(reply, options.clock);
    } catch {
      // The status line has gone; a cut connection is the only way left to say that the body is not whole.
      reply.destroy();
    }
  }
  if (unread) message.resume();
}

/** Answers a request that asked to leave HTTP as if it had not, on the socket that was taken from node:http; `next` gives it back. */
export async function answerUpgrade(
  request: SocketRequest,
  response: ApiResponse,
  { request: message, socket, head }: Upgrade,
  options: AnswerOptions,
  next: (socket: TLSSocket) => void,
): Promise<void> {
  const reply = new ServerResponse(message);
  reply.assignSocket(socket as TLSSocket);
  reply.once("finish", () => {
    reply.detachSocket(socket as TLSSocket);
    if (!reply.shouldKeepAlive) return void socket.end();
    if (head.length) socket.unshift(head);
    next(socket as TLSSocket);
  });
  await answerHttp1(request, response, message, reply, options, () => {});
}

/** `end` is called for an answer that is the connection's last, once its head is on its way. */
export async function serveHttp2(handler: ApiHandler, stream: Http2Stream, socket: TLSSocket, date: () => string, end: () => void): Promise<void> {
  const { method, path, head } = stream.read;
  const request = new SocketRequest(method, path, headersOfHead(head), peerOf(socket), stream.body);
  stream.onAbort = (error) => request.abort(error);
  const answer = await handler(request);
  const acceptEncoding = request.headers["accept-encoding"];
  const response = acceptEncoding ? await compress(answer, acceptEncoding) : answer;
  if (stream.closed) return abandon(response.body);
  const headers = answerHeaders(response, date());
  const { body } = response;
  if (method === "HEAD" || body === undefined) {
    stream.answer(response.status, headers);
    if (response.last) end();
    await abandon(body);
  } else if (body instanceof Uint8Array) {
    stream.answer(response.status, headers, body);
    if (response.last) end();
  } else {
    stream.begin(response.status, headers);
    if (response.last) end();
    try {
      await pump(body, stream, request, response.cut, () => stream.reset());
      stream.end();
    } catch {
      stream.reset();
    }
  }
}
