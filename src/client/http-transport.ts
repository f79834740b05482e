/** Transport over HTTPS (HTTP/2), JSON both ways. */
import { type ClientHttp2Stream, constants, type IncomingHttpHeaders, type IncomingHttpStatusHeader, type OutgoingHttpHeaders } from "node:http2";
import { createGunzip, gunzip } from "node:zlib";
import type { KubeObject, WatchEvent } from "../api/object.ts";
import type { Clock } from "../base/clock.ts";
import { failureOf, failureOfEvent } from "./failure.ts";
import { HttpSessions, type TLSMaterial } from "./http-session.ts";
import { decodeJSON, encodeJSON } from "./json.ts";
import { searchParams } from "./query.ts";
import { type ClientRequest, type ClientResponse, type Transport, TransportError } from "./transport.ts";
import { parseWarnings } from "./warning.ts";

export interface HttpTransportOptions {
  /** `https://host:port`, with a path prefix where a proxy has one. */
  server: string;
  clock: Clock;
  /** Asked for each new connection, so that renewed files are taken up. @default nothing but the system's authorities */
  tls?: () => TLSMaterial;
  /** Bearer token, asked for each request. */
  token?: () => string | undefined;
  /** Sent with each request (impersonation). */
  headers?: Record<string, string | string[]>;
}

type Answer = { status: number; headers: Record<string, string>; body: AsyncIterable<Buffer>; stream: ClientHttp2Stream };

/** Throws for a server address that is not HTTPS. */
export function createHttpTransport(options: HttpTransportOptions): HttpTransport {
  return new HttpTransport(options);
}

export class HttpTransport implements Transport {
  readonly #options: HttpTransportOptions;
  readonly #base: URL;
  readonly #prefix: string;
  readonly #sessions: HttpSessions;

  constructor(options: HttpTransportOptions) {
    this.#options = options;
    this.#base = new URL(options.server);
    if (this.#base.protocol !== "https:") throw new Error(`server ${JSON.stringify(options.server)}: only https is spoken`);
    this.#prefix = this.#base.pathname.replace(/\/+$/, "");
    this.#sessions = new HttpSessions(new URL(this.#base.origin), options.tls ?? (() => ({})), options.clock);
  }

  async request(request: ClientRequest): Promise<ClientResponse> {
    const answer = await this.#send(request);
    const text = await wholeText(answer, request.signal);
    const json = (answer.headers["content-type"] ?? "").startsWith("application/json");
    let object: unknown;
    if (json && text) {
      try {
        object = decodeJSON(text);
      } catch (cause) {
        throw new TransportError(`${request.method} ${request.path}: the answer is not JSON`, { cause });
      }
    }
    if (answer.status < 200 || answer.status > 299) throw failureOf(answer.status, object, text);
    return { status: answer.status, headers: answer.headers, object: json ? object : text, warnings: parseWarnings(answer.headers.warning) };
  }

  async *watch(request: ClientRequest): AsyncGenerator<WatchEvent<KubeObject>> {
    const answer = await this.#send(request);
    try {
      if (answer.status !== 200) {
        const text = await wholeText(answer, request.signal);
        throw failureOf(answer.status, parseOr(text), text);
      }
      for await (const line of lines(answer.body)) {
        const event = decodeJSON(line) as WatchEvent<KubeObject>;
        if (event.type === "ERROR") throw failureOfEvent(event.object);
        yield event;
      }
    } catch (error) {
      throw asFailure(request, error);
    } finally {
      answer.stream.close();
    }
  }

  async stream(request: ClientRequest): Promise<{ status: number; headers: Record<string, string>; body: AsyncIterable<Uint8Array> }> {
    const answer = await this.#send(request);
    if (answer.status < 200 || answer.status > 299) {
      const text = await wholeText(answer, request.signal);
      throw failureOf(answer.status, parseOr(text), text);
    }
    return { status: answer.status, headers: answer.headers, body: answer.body };
  }

  /** Later requests use new connections: call it after the client certificate has changed. */
  renewConnections(): void {
    this.#sessions.renew();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sessions.close();
  }

  async #send(request: ClientRequest): Promise<Answer> {
    request.signal?.throwIfAborted();
    const body = request.body === undefined ? undefined : request.body instanceof Uint8Array ? request.body : Buffer.from(encodeJSON(request.body));
    const headers: OutgoingHttpHeaders = {
      ":method": request.method,
      ":path": this.#prefix + request.path + queryText(request.query),
      ":authority": this.#base.host,
      accept: "application/json",
      "accept-encoding": "gzip",
      ...(body ? { "content-type": "application/json", "content-length": body.length } : {}),
      ...this.#options.headers,
      ...request.headers,
    };
    const token = this.#options.token?.();
    if (token) headers.authorization = `Bearer ${token}`;
    try {
      const stream = await this.#sessions.open(headers, !body);
      if (body) stream.end(body);
      return await response(stream, request.signal);
    } catch (error) {
      throw asFailure(request, error);
    }
  }
}

function response(stream: ClientHttp2Stream, signal?: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      stream.close();
      stream.destroy(signal?.reason instanceof Error ? signal.reason : new Error("aborted"));
    };
    if (signal?.aborted) abort();
    signal?.addEventListener("abort", abort, { once: true });
    stream.once("close", () => {
      signal?.removeEventListener("abort", abort);
      reject(signal?.aborted ? signal.reason : new Error("stream closed without an answer"));
    });
    stream.on("error", (error) => reject(signal?.aborted ? signal.reason : error));
    stream.once("response", (headers: IncomingHttpHeaders & IncomingHttpStatusHeader) => {
      const flat: Record<string, string> = {};
      for (const [name, value] of Object.entries(headers)) {
        if (!name.startsWith(":") && value !== undefined) flat[name] = Array.isArray(value) ? value.join(", ") : String(value);
      }
      resolve({ status: headers[":status"] ?? 0, headers: flat, body: bytesOf(stream, flat["content-encoding"], signal), stream });
    });
  });
}

async function* bytesOf(stream: ClientHttp2Stream, encoding: string | undefined, signal?: AbortSignal): AsyncGenerator<Buffer> {
  const source = encoding === "gzip" ? stream.pipe(createGunzip()) : stream;
  try {
    for await (const chunk of source) yield chunk as Buffer;
  } catch (error) {
    throw signal?.aborted ? signal.reason : error;
  } finally {
    if (!stream.closed) stream.close();
  }
  // A stream that ends because the session was lost must not look like one that the server ended.
  if (signal?.aborted) throw signal.reason;
  if (stream.rstCode) throw new Error(`stream reset with code ${stream.rstCode}`);
}

/**
 * The whole body as text. A Go server that has answered without reading the request's body resets the stream with
 * NO_ERROR after its answer, so a close without an end is an end when the announced length is there.
 */
function wholeText({ stream, headers }: Answer, signal?: AbortSignal): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  return new Promise<Buffer>((resolve, reject) => {
    const finish = (): void => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks));
    stream.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
    });
    stream.once("end", finish);
    stream.once("error", (error) => reject(signal?.aborted ? signal.reason : new TransportError(error.message, { cause: error })));
    stream.once("close", () => {
      if (signal?.aborted) reject(signal.reason);
      else if (stream.rstCode === constants.NGHTTP2_NO_ERROR && headers["content-length"] === String(length)) finish();
      else reject(new TransportError(`stream closed with code ${stream.rstCode} after ${length} bytes`));
    });
  }).then((bytes) => (headers["content-encoding"] === "gzip" ? gunzipText(bytes) : bytes.toString()));
}

const gunzipText = (bytes: Buffer): Promise<string> =>
  new Promise((resolve, reject) =>
    gunzip(bytes, (error, text) => (error ? reject(new TransportError(error.message, { cause: error })) : resolve(text.toString()))),
  );

/** Lines of JSON; a watch sends one event a line. */
async function* lines(body: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest: Buffer[] = [];
  for await (const chunk of body) {
    let start = 0;
    for (let end = chunk.indexOf(10, start); end >= 0; end = chunk.indexOf(10, start)) {
      const part = chunk.subarray(start, end);
      const line = rest.length ? Buffer.concat([...rest, part]) : part;
      rest = [];
      start = end + 1;
      if (line.length) yield line.toString();
    }
    if (start < chunk.length) rest.push(chunk.subarray(start));
  }
}

function parseOr(text: string): unknown {
  try {
    return decodeJSON(text);
  } catch {
    return undefined;
  }
}

function queryText(query: ClientRequest["query"]): string {
  const text = searchParams(query).toString();
  return text ? `?${text}` : "";
}

function asFailure(request: ClientRequest, error: unknown): unknown {
  if (request.signal?.aborted) return request.signal.reason;
  if (error instanceof Error && (error.name === "StatusError" || error instanceof TransportError)) return error;
  return new TransportError(`${request.method} ${request.path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
}
