/**
 * A client of the Container Runtime Interface, v1 (k8s.io/cri-api pkg/apis/runtime/v1), over gRPC on a unix socket. Works
 * with any runtime that serves v1; what a runtime does not implement rejects with `unimplemented`.
 */
import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { type Clock, systemClock } from "../base/clock.ts";
import facts from "./facts.json" with { type: "json" };
import type { ImageServiceMethods, RuntimeServiceMethods } from "./types.gen.ts";
import { decode, encode, type Message } from "./wire.ts";

type Partially<V> = V extends Uint8Array ? V : V extends (infer E)[] ? Partially<E>[] : V extends object ? { [K in keyof V]?: Partially<V[K]> } : V;
type Methods = RuntimeServiceMethods & ImageServiceMethods;
export type CriMethod = keyof Methods;
export type CriRequest<M extends CriMethod> = Partially<Methods[M]["request"]>;
export type CriResponse<M extends CriMethod> = Methods[M]["response"];

/** A message as it is sent: everything may be left out. */
export type Sent<T> = Partially<T>;

export interface CallOptions {
  /** Milliseconds. @default 120000 */
  timeout?: number;
  signal?: AbortSignal;
}

/** What the runtime answered instead of a result. */
export class CriError extends Error {
  readonly code: number;
  readonly method: CriMethod;
  /** What the runtime says, without the code. */
  readonly details: string;
  constructor(method: CriMethod, error: ServiceError) {
    // The form in which upstream's kubelet shows errors of the runtime in events and statuses.
    super(`rpc error: code = ${codeName(error.code)} desc = ${error.details}`);
    this.name = "CriError";
    this.code = error.code;
    this.method = method;
    this.details = error.details;
  }
  get notFound(): boolean {
    return this.code === status.NOT_FOUND;
  }
  get unimplemented(): boolean {
    return this.code === status.UNIMPLEMENTED;
  }
  get deadlineExceeded(): boolean {
    return this.code === status.DEADLINE_EXCEEDED;
  }
  /** A code that says nothing. */
  get unknown(): boolean {
    return this.code === status.UNKNOWN;
  }
  /** The runtime is not there: not started yet, or gone. */
  get unavailable(): boolean {
    return this.code === status.UNAVAILABLE;
  }
}

const codeName = (code: number): string =>
  (status[code] ?? String(code))
    .toLowerCase()
    .replace(/(^|_)([a-z])/g, (_, __, c: string) => c.toUpperCase())
    .replace(/^Ok$/, "OK");

interface Method {
  path: string;
  request: string;
  response: string;
}
const methods = new Map<string, Method>();
for (const [service, list] of Object.entries(facts.services))
  for (const [name, [request, response]] of Object.entries(list) as [string, [string, string, boolean]][])
    methods.set(name, { path: `/runtime.v1.${service}/${name}`, request, response });

export interface CriClient {
  call<M extends CriMethod>(method: M, request: CriRequest<M>, options?: CallOptions): Promise<CriResponse<M>>;
  /** Messages until the server ends the stream; rejects as call does. Return from the loop cancels. */
  stream<M extends CriMethod>(method: M, request: CriRequest<M>, signal?: AbortSignal): AsyncIterable<CriResponse<M>>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** `endpoint` is `unix:///run/containerd/containerd.sock` or a path. Connects lazily and again after a loss. */
export function connectCri(endpoint: string, clock: Clock = systemClock): CriClient {
  const address = endpoint.includes("://") ? endpoint : `unix://${endpoint}`;
  const client = new Client(address, credentials.createInsecure(), {
    "grpc.max_receive_message_length": 16 * 1024 * 1024,
    "grpc.max_send_message_length": 16 * 1024 * 1024,
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 3000,
    "grpc.enable_retries": 0,
    "grpc.default_authority": "localhost",
  });
  const find = (name: string): Method => {
    const method = methods.get(name);
    if (!method) throw new Error(`the container runtime interface has no ${name}`);
    return method;
  };
  return {
    call<M extends CriMethod>(name: M, request: CriRequest<M>, options: CallOptions = {}): Promise<CriResponse<M>> {
      const method = find(name);
      const { signal } = options;
      return new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const call = client.makeUnaryRequest(
          method.path,
          (message: Message) => encode(method.request, message),
          (bytes: Buffer) => decode(method.response, bytes),
          request as Message,
          new Metadata(),
          { deadline: clock.now() + (options.timeout ?? 120_000) },
          (error, response) => {
            signal?.removeEventListener("abort", cancel);
            if (signal?.aborted) reject(signal.reason);
            else if (error) reject(new CriError(name, error));
            else resolve(response as unknown as CriResponse<M>);
          },
        );
        const cancel = (): void => call.cancel();
        signal?.addEventListener("abort", cancel, { once: true });
      });
    },
    async *stream<M extends CriMethod>(name: M, request: CriRequest<M>, signal?: AbortSignal): AsyncGenerator<CriResponse<M>> {
      const method = find(name);
      signal?.throwIfAborted();
      const call = client.makeServerStreamRequest(
        method.path,
        (message: Message) => encode(method.request, message),
        (bytes: Buffer) => decode(method.response, bytes),
        request as Message,
      );
      const cancel = (): void => call.cancel();
      signal?.addEventListener("abort", cancel, { once: true });
      try {
        for await (const message of call) yield message as CriResponse<M>;
      } catch (error) {
        signal?.throwIfAborted();
        throw new CriError(name, error as ServiceError);
      } finally {
        signal?.removeEventListener("abort", cancel);
        call.cancel();
      }
    },
    async [Symbol.asyncDispose]() {
      client.close();
    },
  };
}
