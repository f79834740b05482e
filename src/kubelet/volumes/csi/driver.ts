/** A CSI driver's node service, called as upstream's kubelet calls it (pkg/volume/csi/csi_client.go). */
import { status } from "@grpc/grpc-js";
import type { Clock } from "../../../base/clock.ts";
import { connectGrpc, type GrpcClient } from "../../../base/grpc/client.ts";
import { GrpcError } from "../../../base/grpc/error.ts";
import type { Sent } from "../../../base/grpc/protocol.ts";
import { type CsiMethods, csi } from "../../../csi/protocol.ts";
import type {
  NodeGetInfoResponse,
  NodeGetVolumeStatsResponse,
  NodeServiceCapability_RPC_Type,
  VolumeCapability,
  VolumeCapability_AccessMode_Mode,
} from "../../../csi/types.gen.ts";

/** Milliseconds that a driver has for each call. */
const timeout = 120_000;

export type Capability = NodeServiceCapability_RPC_Type;

/** How a volume is to be used. */
export interface Use {
  accessMode: string;
  /** Absent for raw block volumes. */
  mount?: { fsType: string; flags: readonly string[]; group?: number };
}

const modes: Record<string, VolumeCapability_AccessMode_Mode> = {
  ReadWriteOnce: "SINGLE_NODE_WRITER",
  ReadOnlyMany: "MULTI_NODE_READER_ONLY",
  ReadWriteMany: "MULTI_NODE_MULTI_WRITER",
  ReadWriteOncePod: "SINGLE_NODE_WRITER",
};
const preciseModes: Record<string, VolumeCapability_AccessMode_Mode> = {
  ...modes,
  ReadWriteOnce: "SINGLE_NODE_MULTI_WRITER",
  ReadWriteOncePod: "SINGLE_NODE_SINGLE_WRITER",
};

const unsure: ReadonlySet<number> = new Set([status.CANCELLED, status.DEADLINE_EXCEEDED, status.UNAVAILABLE, status.RESOURCE_EXHAUSTED, status.ABORTED]);
/** Whether the driver has certainly done nothing and does nothing any more. */
export const isFinal = (error: unknown): boolean => error instanceof GrpcError && !unsure.has(error.code);
/** Whether the driver will never do it. */
export const isInfeasible = (error: unknown): boolean =>
  error instanceof GrpcError && [status.INVALID_ARGUMENT, status.OUT_OF_RANGE, status.NOT_FOUND].includes(error.code);
export const isInUse = (error: unknown): boolean => error instanceof GrpcError && error.code === status.FAILED_PRECONDITION;

export interface PublishRequest {
  volumeId: string;
  readonly: boolean;
  stagingTargetPath: string;
  targetPath: string;
  publishContext: Record<string, string>;
  volumeContext: Record<string, string>;
  secrets: Record<string, string>;
}

/** Every call rejects with a GrpcError; a driver that hangs is given up after two minutes. */
export class CsiDriverClient implements AsyncDisposable {
  readonly #client: GrpcClient<CsiMethods>;
  constructor(endpoint: string, clock: Clock) {
    this.#client = connectGrpc(endpoint, csi, clock);
  }
  info(signal: AbortSignal): Promise<NodeGetInfoResponse> {
    return this.#client.call("NodeGetInfo", {}, { timeout, signal });
  }
  async capabilities(): Promise<ReadonlySet<Capability>> {
    const { capabilities } = await this.#client.call("NodeGetCapabilities", {}, { timeout });
    return new Set(capabilities.flatMap(({ rpc }) => (rpc ? [rpc.type] : [])));
  }
  #capability({ accessMode, mount }: Use, capabilities: ReadonlySet<Capability>): Sent<VolumeCapability> {
    const mode = (capabilities.has("SINGLE_NODE_MULTI_WRITER") ? preciseModes : modes)[accessMode] ?? "UNKNOWN";
    if (!mount) return { accessMode: { mode }, block: {} };
    const { fsType, flags, group } = mount;
    return { accessMode: { mode }, mount: { fsType, mountFlags: [...flags], volumeMountGroup: group === undefined ? "" : String(group) } };
  }
  async stage(request: Omit<PublishRequest, "targetPath" | "readonly">, use: Use, capabilities: ReadonlySet<Capability>): Promise<void> {
    await this.#client.call("NodeStageVolume", { ...request, volumeCapability: this.#capability(use, capabilities) }, { timeout });
  }
  async unstage(volumeId: string, stagingTargetPath: string): Promise<void> {
    await this.#client.call("NodeUnstageVolume", { volumeId, stagingTargetPath }, { timeout });
  }
  async publish(request: PublishRequest, use: Use, capabilities: ReadonlySet<Capability>): Promise<void> {
    await this.#client.call("NodePublishVolume", { ...request, volumeCapability: this.#capability(use, capabilities) }, { timeout });
  }
  async unpublish(volumeId: string, targetPath: string): Promise<void> {
    await this.#client.call("NodeUnpublishVolume", { volumeId, targetPath }, { timeout });
  }
  async expand(
    request: { volumeId: string; volumePath: string; stagingTargetPath: string; secrets: Record<string, string>; bytes: number },
    use: Use,
    capabilities: ReadonlySet<Capability>,
  ): Promise<void> {
    const { bytes, ...rest } = request;
    const volumeCapability = this.#capability(use, capabilities);
    await this.#client.call("NodeExpandVolume", { ...rest, capacityRange: { requiredBytes: bytes }, volumeCapability }, { timeout });
  }
  stats(volumeId: string, volumePath: string): Promise<NodeGetVolumeStatsResponse> {
    return this.#client.call("NodeGetVolumeStats", { volumeId, volumePath }, { timeout });
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.#client[Symbol.asyncDispose]();
  }
}
