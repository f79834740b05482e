/** A gRPC server on a unix socket. */
import { chmod, unlink } from "node:fs/promises";
import {
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  status,
  type sendUnaryData,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { GrpcError } from "./error.ts";
import type { Message } from "./protobuf.ts";
import type { Method, Protocol, Sent } from "./protocol.ts";

type Handler<T> = T extends { request: infer Request; response: infer Response; stream: infer Stream }
  ? (request: Request, signal: AbortSignal) => Stream extends true ? AsyncIterable<Sent<Response>> : Promise<Sent<Response>>
  : never;

/**
 * What serves a protocol's methods; those left out answer Unimplemented. A GrpcError that is thrown is the answer, anything
 * else answers Unknown with its message. The signal is aborted when the caller goes.
 */
export type Handlers<Methods> = { [K in keyof Methods]?: Handler<Methods[K]> };

export interface Implementation {
  method: Method;
  handler: UnaryHandler | StreamHandler;
}

export function implement<Methods>(protocol: Protocol<Methods>, handlers: Handlers<Methods>): Implementation[] {
  return Object.entries(handlers).map(([name, handler]) => ({
    method: protocol.method(name as keyof Methods & string),
    handler: handler as Implementation["handler"],
  }));
}

export interface GrpcServer {
  /** Ends calls under way and removes the socket. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Listens on `path`, in place of a socket that a former server left there. `mode` is the socket's. */
export async function serveGrpc(path: string, implementations: Implementation[], mode = 0o755): Promise<GrpcServer> {
  const server = new Server();
  for (const [service, list] of Map.groupBy(implementations, ({ method }) => method.service)) {
    const definition: Record<string, ServiceDefinition[string]> = {};
    const handlers: UntypedServiceImplementation = {};
    for (const { method, handler } of list) {
      const name = method.path.slice(service.length + 2);
      definition[name] = {
        path: method.path,
        requestStream: false,
        responseStream: method.stream,
        requestSerialize: method.encodeRequest,
        requestDeserialize: method.decodeRequest,
        responseSerialize: method.encodeResponse,
        responseDeserialize: method.decodeResponse,
      };
      handlers[name] = method.stream
        ? (call: ServerWritableStream<Message, Message>) => void streamOut(call, handler as StreamHandler)
        : (call: ServerUnaryCall<Message, Message>, done: sendUnaryData<Message>) => void answer(call, done, handler as UnaryHandler);
    }
    server.addService(definition, handlers);
  }
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
  await new Promise<void>((resolve, reject) =>
    server.bindAsync(`unix://${path}`, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve())),
  );
  await chmod(path, mode);
  return {
    async [Symbol.asyncDispose]() {
      server.forceShutdown();
      await unlink(path).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== "ENOENT") throw error;
      });
    },
  };
}

const failure = (error: unknown): { code: number; details: string } =>
  error instanceof GrpcError ? { code: error.code, details: error.details } : { code: status.UNKNOWN, details: (error as Error).message };

type UnaryHandler = (request: Message, signal: AbortSignal) => Promise<Message>;
type StreamHandler = (request: Message, signal: AbortSignal) => AsyncIterable<Message>;

function goneSignal(call: { on(event: "cancelled", listener: () => void): unknown }): AbortSignal {
  const gone = new AbortController();
  call.on("cancelled", () => gone.abort(new GrpcError(status.CANCELLED, "context canceled")));
  return gone.signal;
}

async function answer(call: ServerUnaryCall<Message, Message>, done: sendUnaryData<Message>, handler: UnaryHandler): Promise<void> {
  try {
    done(null, await handler(call.request, goneSignal(call)));
  } catch (error) {
    done(failure(error));
  }
}

async function streamOut(call: ServerWritableStream<Message, Message>, handler: StreamHandler): Promise<void> {
  const signal = goneSignal(call);
  try {
    for await (const message of handler(call.request, signal)) {
      if (signal.aborted) return;
      if (!call.write(message)) await drained(call, signal);
    }
    call.end();
  } catch (error) {
    if (!signal.aborted) call.emit("error", failure(error));
  }
}

function drained(call: ServerWritableStream<Message, Message>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      call.off("drain", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    call.once("drain", done);
    signal.addEventListener("abort", done, { once: true });
  });
}
