/** When a node is short of something (upstream's pkg/kubelet/eviction; https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/). Pure. */
import { parseQuantity, quantityToNumber } from "../../api/quantity.ts";

const conditions = {
  "memory.available": "MemoryPressure",
  "nodefs.available": "DiskPressure",
  "nodefs.inodesFree": "DiskPressure",
  "imagefs.available": "DiskPressure",
  "imagefs.inodesFree": "DiskPressure",
  "pid.available": "PIDPressure",
} as const;
const resources = {
  "memory.available": "memory",
  "nodefs.available": "ephemeral-storage",
  "nodefs.inodesFree": "inodes",
  "imagefs.available": "ephemeral-storage",
  "imagefs.inodesFree": "inodes",
  "pid.available": "pids",
} as const;

export type Signal = keyof typeof conditions;
export type Pressure = (typeof conditions)[Signal];
export type StarvedResource = (typeof resources)[Signal];

export const defaultEvictionHard: Readonly<Record<string, string>> = {
  "memory.available": "100Mi",
  "nodefs.available": "10%",
  "nodefs.inodesFree": "5%",
  "imagefs.available": "15%",
  "imagefs.inodesFree": "5%",
};

export interface Threshold {
  signal: Signal;
  /** An amount, or a share of the capacity between 0 and 1. */
  value: { amount: number } | { share: number };
}
export interface Observation {
  available: number;
  capacity: number;
}
export type Observations = Partial<Record<Signal, Observation>>;

/** Throws an Error that names the signal; 0% and 100% are no threshold. */
export function parseThresholds(given: Readonly<Record<string, string>>): Threshold[] {
  return Object.entries(given).flatMap(([signal, text]): Threshold[] => {
    if (!(signal in conditions)) throw new Error(`${JSON.stringify(signal)} is no eviction signal; known are ${Object.keys(conditions).join(", ")}`);
    if (text === "0%" || text === "100%") return [];
    const percent = /^(\d+(?:\.\d+)?)%$/.exec(text);
    if (percent) {
      const share = Number(percent[1]) / 100;
      if (share > 1) throw new Error(`the eviction threshold ${signal} must not be above 100%`);
      return [{ signal: signal as Signal, value: { share } }];
    }
    const amount = amountOf(signal, text);
    if (amount <= 0) throw new Error(`the eviction threshold ${signal} must be positive: ${text}`);
    return [{ signal: signal as Signal, value: { amount } }];
  });
}

function amountOf(signal: string, text: string): number {
  try {
    parseQuantity(text);
  } catch {
    throw new Error(`the eviction threshold ${signal} must be a quantity such as 100Mi or a percentage such as 10%: ${JSON.stringify(text)}`);
  }
  return quantityToNumber(text);
}

export const thresholdAmount = ({ value }: Threshold, capacity: number): number => ("amount" in value ? value.amount : Math.floor(value.share * capacity));
export const starved = ({ signal }: Threshold): StarvedResource => resources[signal];

/** Memory before all else; what was not observed is not met. */
export function thresholdsMet(thresholds: readonly Threshold[], observations: Observations): Threshold[] {
  const met = thresholds.filter((threshold) => {
    const seen = observations[threshold.signal];
    return seen !== undefined && seen.available < thresholdAmount(threshold, seen.capacity);
  });
  return met.sort((a, b) => Number(b.signal === "memory.available") - Number(a.signal === "memory.available"));
}

/** Node conditions that hold: those of what is met, and those seen within the last `period` milliseconds. `seen` is brought up to date. */
export function pressures(met: readonly Threshold[], seen: Map<Pressure, number>, now: number, period: number): Set<Pressure> {
  for (const { signal } of met) seen.set(conditions[signal], now);
  return new Set([...seen].filter(([, at]) => now - at < period || at === now).map(([pressure]) => pressure));
}
