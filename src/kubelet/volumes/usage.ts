/** What volumes hold and how they are, for the kubelet's summary (upstream's pkg/volume/metrics_*.go). */
import { readFile, stat } from "node:fs/promises";
import { diskUsage } from "../../linux/disk-usage.ts";
import { filesystemUsage } from "../../linux/machine.ts";

/** Bytes and files; what is not known is absent. */
export interface VolumeUsage {
  capacityBytes?: number;
  availableBytes?: number;
  usedBytes?: number;
  inodes?: number;
  inodesFree?: number;
  inodesUsed?: number;
  /** As the volume's driver says. */
  health?: { abnormal: boolean; message: string };
}

/** Of a directory that shares its file system with others. */
export async function directoryUsage(path: string): Promise<VolumeUsage> {
  const { bytes, inodes } = await diskUsage(path);
  const whole = filesystemUsage(path);
  return {
    capacityBytes: whole.capacity,
    availableBytes: whole.available,
    usedBytes: bytes,
    inodes: whole.inodes,
    inodesFree: whole.inodesFree,
    inodesUsed: inodes,
  };
}

/** Of a file system of its own. */
export function mountUsage(path: string): VolumeUsage {
  const { capacity, available, inodes, inodesFree } = filesystemUsage(path);
  return { capacityBytes: capacity, availableBytes: available, usedBytes: capacity - available, inodes, inodesFree, inodesUsed: inodes - inodesFree };
}

/** Of a block device: its size. */
export async function deviceUsage(path: string): Promise<VolumeUsage> {
  const { rdev } = await stat(path);
  const sectors = await readFile(`/sys/dev/block/${major(rdev)}:${minor(rdev)}/size`, "utf8");
  return { capacityBytes: Number(sectors.trim()) * 512 };
}

const major = (device: number): number => Math.floor(device / 256) & 0xfff;
const minor = (device: number): number => (device & 0xff) | (Math.floor(device / 4096) & 0xfff00);
