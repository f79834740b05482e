/**
 * One request to the API and its answer, independent of how they travel: the HTTP listener makes them from sockets, the
 * in-process transport passes them by reference. Types only.
 */
import type { Span } from "../base/tracing/span.ts";
import type { KubeList, KubeObject, WatchEvent } from "./object.ts";

export interface UserInfo {
  name: string;
  uid?: string;
  groups: string[];
  extra?: Record<string, string[]>;
}

export interface ApiRequest {
  method: string;
  /** Decoded by nobody: exactly the path of the request line, without the query. */
  path: string;
  query: URLSearchParams;
  /** Path and query as the request line has them; absent where nobody sent one. */
  target?: string;
  /** Names in lower case. */
  headers: Record<string, string | undefined>;
  /** Each value of those headers that came more than once, so that a comma inside a value stays one value. */
  repeatedHeaders?: Record<string, string[] | undefined>;
  /** The bytes of the body; the reader must bound what it takes (3 MiB) before it has taken it. */
  body?: Uint8Array | AsyncIterable<Uint8Array>;
  /** In-process only: the body by reference instead of `body`; the server does not keep or change it. */
  object?: unknown;
  /** In-process only: answer with `object` or `events` instead of bytes. */
  asObject?: boolean;
  /** Set by a transport that itself knows who is calling (in-process). Otherwise authentication decides. */
  user?: UserInfo;
  /** What the client's TLS sent to say who it is, DER, its own certificate first: not verified, but it has that one's key. The same list for all requests of a connection. */
  clientCertificates?: readonly Uint8Array[];
  remoteAddress: string;
  /** What is done for this request now, where traces are kept. */
  span?: Span;
  /** The server speaks CBOR (feature gate CBORServingAndStorage); set by the server. */
  cbor?: boolean;
  /** Asked over a WebSocket that is not open yet: a watch answers with 101 and one message a chunk. */
  messages?: boolean;
  /** Notes something in the request's audit event, where it has one; set by the server. */
  annotate?(key: string, value: string): void;
  /** Aborted when nobody waits for the answer any more. May be made on demand: a copy by spreading must name it. */
  readonly signal: AbortSignal;
  /** Calls `fn` once as soon as the signal is aborted, or was, without making the signal; what is returned takes that back. */
  onAbort?(fn: (reason: unknown) => void): () => void;
}

export interface ApiResponse {
  status: number;
  /** Names in lower case. Warnings travel in `warnings`, one header line each. */
  headers: Record<string, string>;
  /** Each value of headers that go out more than once, a line each (set-cookie); their names are not in `headers`. */
  repeatedHeaders?: Readonly<Record<string, readonly string[]>>;
  warnings?: string[];
  /** Whole, or in chunks with back-pressure (lists, watches, logs). */
  body?: Uint8Array | AsyncIterable<Uint8Array>;
  /** Aborted while a chunked body is on its way: it comes no further, and whoever sends it breaks it off. */
  cut?: AbortSignal;
  /** Bytes of a chunked body, where known, or less than there are: decides whether compressing is worth it. */
  size?: number;
  /** A connection of HTTP/2 takes no request after it: who asks is nobody. */
  last?: boolean;
  /** Answer to `asObject`: an object, a list, a Status; immutable and possibly shared. */
  object?: KubeObject | KubeList | object;
  /** Answer to `asObject` for a watch. */
  events?: AsyncIterable<WatchEvent>;
}

/** Answers a request. Never rejects for anything a client did: that is a Status in the response. */
export type ApiHandler = (request: ApiRequest) => Promise<ApiResponse>;
