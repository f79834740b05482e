/**
 * Transport to an API server in the same process: no sockets and no serialisation, the same identity, authorization,
 * admission and audit, and the order of the wire:
 * - the server never runs inside the caller's stack, the caller never inside the server's;
 * - an event reaches its watcher in a later turn of the event loop than the server published it in, so a write's promise,
 *   which the server settles in the turn of publication, is settled before its event is seen;
 * - at most `queueLimit` events wait here for a watcher; behind them the server's own bounded queue fills, and ends a
 *   watch whose reader is too slow exactly as it does for one on the wire.
 * Objects pass by reference in both directions: neither side changes them afterwards.
 */
import type { ApiHandler, ApiRequest, ApiResponse, UserInfo } from "../api/exchange.ts";
import type { KubeObject, WatchEvent } from "../api/object.ts";
import { failureOf, failureOfEvent } from "./failure.ts";
import { decodeJSON } from "./json.ts";
import { searchParams } from "./query.ts";
import { type ClientRequest, type ClientResponse, type Transport, TransportError } from "./transport.ts";

const queueLimit = 256;
/** Why a watch's request is taken back when nobody reads it any more. */
const over = new TransportError("the watch is over");

export interface InProcessTransportOptions {
  handler: ApiHandler;
  /** Who every request is from. */
  user: UserInfo;
  /** @default "127.0.0.1" */
  remoteAddress?: string;
}

export function createInProcessTransport(options: InProcessTransportOptions): Transport {
  return new InProcessTransport(options);
}

class InProcessTransport implements Transport {
  readonly #options: InProcessTransportOptions;
  readonly #closing = new AbortController();

  constructor(options: InProcessTransportOptions) {
    this.#options = options;
  }

  async request(request: ClientRequest): Promise<ClientResponse> {
    const response = await this.#call(request, true);
    const object = response.object ?? (await decodeBody(response));
    if (response.status < 200 || response.status > 299) throw failureOf(response.status, object, typeof object === "string" ? object : "");
    return { status: response.status, headers: response.headers, object, warnings: response.warnings ?? [] };
  }

  async *watch(request: ClientRequest): AsyncGenerator<WatchEvent<KubeObject>> {
    const stop = new AbortController();
    const signal = request.signal ? AbortSignal.any([request.signal, stop.signal]) : stop.signal;
    try {
      const response = await this.#call({ ...request, signal }, true);
      if (response.status !== 200 || !response.events) throw failureOf(response.status, response.object ?? (await decodeBody(response)));
      for await (const event of laterTurns(response.events, request.signal)) {
        if (event.type === "ERROR") throw failureOfEvent(event.object);
        yield event;
      }
    } finally {
      stop.abort(over);
    }
  }

  async stream(request: ClientRequest): Promise<{ status: number; headers: Record<string, string>; body: AsyncIterable<Uint8Array> }> {
    const response = await this.#call(request, false);
    if (response.status < 200 || response.status > 299) {
      const object = response.object ?? (await decodeBody(response));
      throw failureOf(response.status, object, typeof object === "string" ? object : "");
    }
    return { status: response.status, headers: response.headers, body: chunks(response.body) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new TransportError("the transport is closed"));
  }

  async #call(request: ClientRequest, asObject: boolean): Promise<ApiResponse> {
    request.signal?.throwIfAborted();
    this.#closing.signal.throwIfAborted();
    // Leaves the caller's stack before the server runs.
    await null;
    const signal = request.signal ? AbortSignal.any([request.signal, this.#closing.signal]) : this.#closing.signal;
    const bytes = request.body instanceof Uint8Array ? request.body : undefined;
    const exchange: ApiRequest = {
      method: request.method,
      path: request.path,
      query: searchParams(request.query),
      headers: {
        accept: "application/json",
        ...(request.body === undefined ? {} : { "content-type": "application/json" }),
        ...lowerCase(request.headers),
      },
      ...(bytes ? { body: bytes } : request.body === undefined ? {} : { object: request.body }),
      asObject,
      user: this.#options.user,
      remoteAddress: this.#options.remoteAddress ?? "127.0.0.1",
      signal,
    };
    return await raced(this.#options.handler(exchange), signal);
  }
}

/** Gives up waiting when aborted, as a reset stream does: whether the server carries the request out is unknown, and its answer is not taken. */
function raced(answer: Promise<ApiResponse>, signal: AbortSignal): Promise<ApiResponse> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      reject(signal.reason);
      answer.then(refuse, () => undefined);
    };
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    answer.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/** Whoever makes an answer in parts learns that nobody reads it. */
function refuse({ events, body }: ApiResponse): void {
  const parts: AsyncIterable<unknown> | undefined = events ?? (body instanceof Uint8Array ? undefined : body);
  parts?.[Symbol.asyncIterator]()
    .return?.()
    ?.catch(() => undefined);
}

/** Passes events on in batches, each in a turn of the event loop after the one it was published in. */
async function* laterTurns(events: AsyncIterable<WatchEvent>, signal?: AbortSignal): AsyncGenerator<WatchEvent> {
  let incoming: WatchEvent[] = [];
  let ended = false;
  let failure: unknown;
  let wakeReader: (() => void) | undefined;
  let wakePump: (() => void) | undefined;
  let abandoned = false;
  const iterator = events[Symbol.asyncIterator]();
  const pump = async (): Promise<void> => {
    try {
      for (;;) {
        const next = await iterator.next();
        if (next.done || abandoned) break;
        incoming.push(next.value);
        if (incoming.length === 1) wakeReader?.();
        if (incoming.length >= queueLimit) {
          await new Promise<void>((resolve) => {
            wakePump = resolve;
          });
        }
      }
    } catch (error) {
      failure = error;
    }
    ended = true;
    wakeReader?.();
  };
  const abort = (): void => wakeReader?.();
  signal?.addEventListener("abort", abort, { once: true });
  void pump();
  try {
    for (;;) {
      if (signal?.aborted) throw signal.reason;
      if (incoming.length === 0) {
        if (failure !== undefined) throw failure;
        if (ended) return;
        await new Promise<void>((resolve) => {
          wakeReader = resolve;
        });
        wakeReader = undefined;
        continue;
      }
      await new Promise((resolve) => setImmediate(resolve));
      const batch = incoming;
      incoming = [];
      wakePump?.();
      wakePump = undefined;
      for (const event of batch) {
        if (signal?.aborted) throw signal.reason;
        yield event;
      }
    }
  } finally {
    abandoned = true;
    signal?.removeEventListener("abort", abort);
    wakePump?.();
    iterator.return?.()?.catch(() => {});
  }
}

async function decodeBody(response: ApiResponse): Promise<unknown> {
  if (response.body === undefined) return undefined;
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks(response.body)) parts.push(chunk);
  const text = Buffer.concat(parts).toString();
  return (response.headers["content-type"] ?? "").startsWith("application/json") && text ? decodeJSON(text) : text;
}

async function* chunks(body: ApiResponse["body"]): AsyncGenerator<Uint8Array> {
  if (body instanceof Uint8Array) yield body;
  else if (body) yield* body;
}

function lowerCase(headers: Record<string, string> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
