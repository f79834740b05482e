/** Device plugins, v1beta1 (k8s.io/kubelet pkg/apis/deviceplugin/v1beta1), as they are called over gRPC. */
import { protocolOf } from "../../base/grpc/protocol.ts";
import { Protobuf, type ProtoFacts } from "../../base/grpc/protobuf.ts";
import facts from "./facts.json" with { type: "json" };
import type { ContainerAllocateResponse, DevicePluginMethods, RegistrationMethods } from "./types.gen.ts";

export const devicePlugin = protocolOf<DevicePluginMethods>(facts);
export const registration = protocolOf<RegistrationMethods>(facts);

const protobuf = new Protobuf(facts as unknown as ProtoFacts);
const response = "ContainerAllocateResponse";

export const encodeResponse = (message: ContainerAllocateResponse): Buffer => protobuf.encode(response, { ...message });
/** Throws for bytes that are none. */
export const decodeResponse = (bytes: Buffer): ContainerAllocateResponse => protobuf.decode(response, bytes) as unknown as ContainerAllocateResponse;
