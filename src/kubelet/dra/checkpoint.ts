/** dra_manager_state: which claims were prepared for which pods (pkg/kubelet/cm/dra/state). */
import { crc32 } from "node:zlib";
import { CorruptCheckpoint } from "../checkpoint/file.ts";

export interface DeviceState {
  PoolName: string;
  DeviceName: string;
  ShareID: string | null;
  RequestNames: string[] | null;
  CDIDeviceIDs: string[] | null;
}

export interface ClaimState {
  ClaimUID: string;
  ClaimName: string;
  Namespace: string;
  PodUIDs: Record<string, object>;
  DriverState: Record<string, { Devices: DeviceState[] | null }>;
}

const apiVersion = "checkpoint.dra.kubelet.k8s.io/v1";
const kind = "DRACheckpoint";

export function writeClaims(claims: readonly ClaimState[]): string {
  const Data = JSON.stringify({ kind, apiVersion, ClaimInfoStateList: claims });
  return JSON.stringify({ Data, Checksum: crc32(Data) });
}

/** Throws CorruptCheckpoint, and SyntaxError for what is not JSON. */
export function readClaims(text: string): ClaimState[] {
  const file = JSON.parse(text) as { Data?: unknown; Checksum?: unknown } | null;
  if (typeof file?.Data !== "string" || crc32(file.Data) !== file.Checksum) throw new CorruptCheckpoint();
  return (JSON.parse(file.Data) as { ClaimInfoStateList?: ClaimState[] | null }).ClaimInfoStateList ?? [];
}
