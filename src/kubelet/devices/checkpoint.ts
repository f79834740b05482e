/** kubelet_internal_checkpoint: which devices containers have (pkg/kubelet/cm/devicemanager/checkpoint). */
import { CorruptCheckpoint, checksumOf } from "../checkpoint/file.ts";
import { byNumber, list, map, struct } from "../checkpoint/go-print.ts";

/** By NUMA node; -1: none. */
export type DevicesPerNuma = Record<string, string[]>;

export interface PodDevicesEntry {
  PodUID: string;
  ContainerName: string;
  ResourceName: string;
  DeviceIDs: DevicesPerNuma | null;
  /** What the plugin answered: protobuf's ContainerAllocateResponse in base64. */
  AllocResp: string | null;
}

export interface DevicesCheckpoint {
  PodDeviceEntries: PodDevicesEntry[] | null;
  RegisteredDevices: Record<string, string[] | null> | null;
}

function checksum({ PodDeviceEntries, RegisteredDevices }: DevicesCheckpoint): number {
  const entry = (e: PodDevicesEntry): string =>
    struct({
      PodUID: ["string", e.PodUID],
      ContainerName: ["string", e.ContainerName],
      ResourceName: ["string", e.ResourceName],
      DeviceIDs: ["checkpoint.DevicesPerNUMA", map(e.DeviceIDs, (ids) => list(ids), byNumber)],
      AllocResp: ["[]uint8", list(e.AllocResp === null ? null : [...Buffer.from(e.AllocResp, "base64")])],
    });
  return checksumOf(
    `(checkpoint.checkpointData)${struct({
      PodDeviceEntries: ["[]checkpoint.PodDevicesEntry", list(PodDeviceEntries, entry)],
      RegisteredDevices: ["map[string][]string", map(RegisteredDevices, (ids) => list(ids))],
    })}`,
  );
}

export function writeDevices(data: DevicesCheckpoint): string {
  return JSON.stringify({ Data: data, Checksum: checksum(data) });
}

/** Throws CorruptCheckpoint, and SyntaxError for what is not JSON. */
export function readDevices(text: string): DevicesCheckpoint {
  const file = JSON.parse(text) as { Data?: DevicesCheckpoint; Checksum?: number } | null;
  const data = { PodDeviceEntries: file?.Data?.PodDeviceEntries ?? null, RegisteredDevices: file?.Data?.RegisteredDevices ?? null };
  let sum: number;
  try {
    sum = checksum(data);
  } catch {
    throw new CorruptCheckpoint();
  }
  if (sum !== file?.Checksum) throw new CorruptCheckpoint();
  return data;
}
