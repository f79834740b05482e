/**
 * A client of the Container Runtime Interface, v1 (k8s.io/cri-api pkg/apis/runtime/v1), over gRPC on a unix socket. Works
 * with any runtime that serves v1; what a runtime does not implement rejects with `unimplemented`.
 */
import { type Clock, systemClock } from "../base/clock.ts";
import { connectGrpc, type GrpcClient } from "../base/grpc/client.ts";
import { protocolOf } from "../base/grpc/protocol.ts";
import facts from "./facts.json" with { type: "json" };
import type { ImageServiceMethods, RuntimeServiceMethods } from "./types.gen.ts";

export { GrpcError as CriError } from "../base/grpc/error.ts";
export type { Sent } from "../base/grpc/protocol.ts";

type Methods = RuntimeServiceMethods & ImageServiceMethods;
export type CriClient = GrpcClient<Methods>;

const protocol = protocolOf<Methods>(facts);

/** `endpoint` is `unix:///run/containerd/containerd.sock` or a path. Connects lazily and again after a loss. */
export function connectCri(endpoint: string, clock: Clock = systemClock): CriClient {
  return connectGrpc(endpoint, protocol, clock);
}
