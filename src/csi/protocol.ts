/** The Container Storage Interface, v1 (github.com/container-storage-interface/spec), as it is called over gRPC. */
import { type Protocol, protocolOf } from "../base/grpc/protocol.ts";
import facts from "./facts.json" with { type: "json" };
import type { ControllerMethods, GroupControllerMethods, IdentityMethods, NodeMethods } from "./types.gen.ts";

export type CsiMethods = IdentityMethods & ControllerMethods & GroupControllerMethods & NodeMethods;

export const csi: Protocol<CsiMethods> = protocolOf<CsiMethods>(facts);
