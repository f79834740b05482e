/** What a block device has done since the start, as /proc/diskstats counts it (kernel Documentation/admin-guide/iostats.rst). */
import { readFileSync } from "node:fs";

/** Times in seconds. */
export interface DiskIO {
  reads: number;
  readsMerged: number;
  sectorsRead: number;
  readTime: number;
  writes: number;
  writesMerged: number;
  sectorsWritten: number;
  writeTime: number;
  running: number;
  time: number;
  weightedTime: number;
}

/** `device`: its numbers, `8:1`. Undefined where it is no block device. */
export function parseDiskIO(content: string, device: string): DiskIO | undefined {
  const [major, minor] = device.split(":");
  for (const line of content.split("\n")) {
    const [ofMajor, ofMinor, , ...figures] = line.trim().split(/\s+/);
    if (ofMajor !== major || ofMinor !== minor) continue;
    const of = figures.map(Number);
    const at = (i: number): number => of[i] ?? 0;
    return {
      ...{ reads: at(0), readsMerged: at(1), sectorsRead: at(2), readTime: at(3) / 1000 },
      ...{ writes: at(4), writesMerged: at(5), sectorsWritten: at(6), writeTime: at(7) / 1000 },
      ...{ running: at(8), time: at(9) / 1000, weightedTime: at(10) / 1000 },
    };
  }
  return undefined;
}

export const diskIO = (device: string): DiskIO | undefined => parseDiskIO(readFileSync("/proc/diskstats", "utf8"), device);
