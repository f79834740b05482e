/** A gRPC client over a unix socket: unary calls and answers that stream. */
import type { ServiceError } from "@grpc/grpc-js";
import { type Clock, systemClock } from "../clock.ts";
import { GrpcError } from "./error.ts";
import { library } from "./library.ts";
import type { Message } from "./protobuf.ts";
import type { Protocol, Sent } from "./protocol.ts";

type Request<T> = T extends { request: infer R } ? Sent<R> : never;
type Response<T> = T extends { response: infer R } ? R : never;

export interface CallOptions {
  /** Milliseconds, connecting included. @default 120000 */
  timeout?: number;
  signal?: AbortSignal;
  /** Where nobody listens yet it waits for somebody, as long as `timeout` lasts. */
  waitForReady?: boolean;
}

/** Rejects with a GrpcError for what the peer answers and for its absence, with the signal's reason once that is aborted. */
export interface GrpcClient<Methods> {
  call<M extends keyof Methods & string>(method: M, request: Request<Methods[M]>, options?: CallOptions): Promise<Response<Methods[M]>>;
  /** Messages until the server ends the stream; rejects as call does. Return from the loop cancels. */
  stream<M extends keyof Methods & string>(method: M, request: Request<Methods[M]>, signal?: AbortSignal): AsyncIterable<Response<Methods[M]>>;
  /**
   * Connects, now and after each loss, and tells of it until the client is disposed of: whether somebody answers is known
   * without a call.
   */
  watchConnection(onChange: (connected: boolean) => void): void;
  /** Calls under way are cancelled. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Milliseconds between looks for somebody who listens. */
const lookInterval = 100;

/** Bytes of the longest message in either direction. */
const maxMessage = 16 * 1024 * 1024;

/** `endpoint` is `unix:///run/containerd/containerd.sock` or a path. Connects lazily and again after a loss. `headers` go with each call. */
export function connectGrpc<Methods>(
  endpoint: string,
  protocol: Protocol<Methods>,
  clock: Clock = systemClock,
  headers: Readonly<Record<string, string>> = {},
): GrpcClient<Methods> {
  const { Client, connectivityState, credentials, Metadata } = library();
  const address = endpoint.includes("://") ? endpoint : `unix://${endpoint}`;
  const client = new Client(address, credentials.createInsecure(), {
    "grpc.max_receive_message_length": maxMessage,
    "grpc.max_send_message_length": maxMessage,
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 3000,
    "grpc.enable_retries": 0,
    "grpc.default_authority": "localhost",
  });
  const calls = new Set<() => void>();
  let closed = false;
  /** Why the last attempt to connect failed. */
  let missed: GrpcError | undefined;
  const once = <M extends keyof Methods & string>(
    name: M,
    request: Request<Methods[M]>,
    deadline: number,
    signal: AbortSignal | undefined,
  ): Promise<Response<Methods[M]>> => {
    const method = protocol.method(name);
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const call = client.makeUnaryRequest(
        method.path,
        method.encodeRequest,
        method.decodeResponse,
        request as Message,
        Metadata.fromHttp2Headers(headers),
        { deadline },
        (error, response) => {
          signal?.removeEventListener("abort", cancel);
          calls.delete(cancel);
          if (signal?.aborted) reject(signal.reason);
          else if (error) reject(GrpcError.of(error));
          else resolve(response as Response<Methods[M]>);
        },
      );
      const cancel = (): void => call.cancel();
      calls.add(cancel);
      signal?.addEventListener("abort", cancel, { once: true });
    });
  };
  return {
    async call<M extends keyof Methods & string>(name: M, request: Request<Methods[M]>, options: CallOptions = {}): Promise<Response<Methods[M]>> {
      const { signal, waitForReady = false, timeout = 120_000 } = options;
      const deadline = clock.now() + timeout;
      for (;;)
        try {
          return await once(name, request, deadline, signal);
        } catch (error) {
          if (error instanceof GrpcError && error.undialled) missed = error;
          if (!waitForReady || closed || !(error instanceof GrpcError)) throw error;
          // The time may also be up while gRPC dials once more.
          if (error.deadlineExceeded && missed && client.getChannel().getConnectivityState(false) !== connectivityState.READY) throw missed.afterWaiting();
          if (!error.undialled) throw error;
          if (clock.now() + lookInterval >= deadline) throw error.afterWaiting();
          await clock.sleep(lookInterval, signal);
        }
    },
    async *stream<M extends keyof Methods & string>(name: M, request: Request<Methods[M]>, signal?: AbortSignal): AsyncGenerator<Response<Methods[M]>> {
      const method = protocol.method(name);
      signal?.throwIfAborted();
      const call = client.makeServerStreamRequest(
        method.path,
        method.encodeRequest,
        method.decodeResponse,
        request as Message,
        Metadata.fromHttp2Headers(headers),
      );
      const cancel = (): void => call.cancel();
      calls.add(cancel);
      signal?.addEventListener("abort", cancel, { once: true });
      try {
        for await (const message of call) yield message as Response<Methods[M]>;
      } catch (error) {
        signal?.throwIfAborted();
        throw GrpcError.of(error as ServiceError);
      } finally {
        signal?.removeEventListener("abort", cancel);
        calls.delete(cancel);
        call.cancel();
      }
    },
    watchConnection(onChange) {
      const channel = client.getChannel();
      let connected = false;
      const look = (): void => {
        if (closed) return;
        const state = channel.getConnectivityState(true);
        if (connected !== (state === connectivityState.READY)) {
          connected = !connected;
          onChange(connected);
        }
        channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, look);
      };
      look();
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      for (const cancel of calls) cancel();
      client.close();
    },
  };
}
