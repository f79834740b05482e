/** How a client's requests reach an API server: over HTTPS or by reference inside the process. One suite runs on both. */
import type { KubeObject, WatchEvent } from "../api/object.ts";

export interface ClientRequest {
  method: string;
  path: string;
  query?: Record<string, string | number | boolean | string[] | undefined>;
  headers?: Record<string, string>;
  /** Sent as JSON, or as it is when it is bytes (then set content-type). */
  body?: object | Uint8Array;
  signal?: AbortSignal;
}

export interface ClientResponse {
  status: number;
  headers: Record<string, string>;
  /** Decoded JSON; immutable and possibly shared. */
  object: unknown;
  warnings: string[];
}

/**
 * Guarantees: rejects with StatusError for every answer that is not 2xx, with TransportError when no answer came. An
 * aborted signal rejects with its reason. No retries: that is the caller's decision.
 */
export interface Transport {
  request(request: ClientRequest): Promise<ClientResponse>;
  /** Events of a watch in order; ends when the server ends it; an ERROR event is thrown as StatusError. */
  watch(request: ClientRequest): AsyncIterable<WatchEvent<KubeObject>>;
  /** Raw bytes (logs, metrics). */
  stream(request: ClientRequest): Promise<{ status: number; headers: Record<string, string>; body: AsyncIterable<Uint8Array> }>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** No answer: refused, reset, timed out. Whether the request was carried out is unknown. */
export class TransportError extends Error {
  override name = "TransportError";
}
