/** When a node is short of something (upstream's pkg/kubelet/eviction; https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/). Pure. */
import { parseQuantity, quantityToNumber } from "../../api/quantity.ts";

const conditions = {
  "memory.available": "MemoryPressure",
  "allocatableMemory.available": "MemoryPressure",
  "nodefs.available": "DiskPressure",
  "nodefs.inodesFree": "DiskPressure",
  "imagefs.available": "DiskPressure",
  "imagefs.inodesFree": "DiskPressure",
  "pid.available": "PIDPressure",
} as const;
const resources = {
  "memory.available": "memory",
  "allocatableMemory.available": "memory",
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

/** An amount, or a share of the capacity between 0 and 1. */
export type Amount = { amount: number } | { share: number };

export interface Threshold {
  signal: Signal;
  value: Amount;
  /** Above the value by so much is what counts as enough again. */
  minReclaim?: Amount;
  /** Milliseconds for which it has to be met before pods go; they end gracefully then. Absent: a hard threshold. */
  gracePeriod?: number;
}

/** What KubeletConfiguration says of eviction. */
export interface EvictionSettings {
  evictionHard: Readonly<Record<string, string>>;
  evictionSoft: Readonly<Record<string, string>>;
  /** Milliseconds. */
  evictionSoftGracePeriod: Readonly<Record<string, number>>;
  evictionMinimumReclaim: Readonly<Record<string, string>>;
}

export interface Observation {
  available: number;
  capacity: number;
}
export type Observations = Partial<Record<Signal, Observation>>;

const isSignal = (text: string): text is Signal => text in conditions;
const unsupported = (signal: string): Error => new Error(`unsupported eviction signal ${signal}`);

/** Throws an Error that names the signal; 0% and 100% are no threshold. */
export function parseThresholds(given: Readonly<Record<string, string>>): Threshold[] {
  return Object.entries(given).flatMap(([signal, text]): Threshold[] => {
    if (!isSignal(signal)) throw unsupported(signal);
    if (text === "0%" || text === "100%") return [];
    const value = amountOf(`eviction threshold ${signal}`, text);
    if ("share" in value) {
      if (value.share < 0) throw new Error(`eviction percentage threshold ${signal} must be >= 0%: ${text}`);
      if (value.share > 1) throw new Error(`eviction percentage threshold ${signal} must be <= 100%: ${text}`);
    } else if (value.amount <= 0) throw new Error(`eviction threshold ${signal} must be positive: ${text}`);
    return [{ signal, value }];
  });
}

function minimumReclaims(given: Readonly<Record<string, string>>): Map<string, Amount> {
  const found = new Map<string, Amount>();
  for (const [signal, text] of Object.entries(given)) {
    if (!isSignal(signal)) throw unsupported(signal);
    const value = amountOf(`eviction minimum reclaim ${signal}`, text);
    if ("share" in value && value.share <= 0) throw new Error(`eviction percentage minimum reclaim ${signal} must be positive: ${text}`);
    if ("amount" in value && value.amount < 0) throw new Error(`negative eviction minimum reclaim specified for ${signal}`);
    found.set(signal, value);
  }
  return found;
}

/** Hard thresholds, then soft ones (upstream's ParseThresholdConfig). Throws an Error that names what is wrong. */
export function evictionThresholds(settings: EvictionSettings): Threshold[] {
  const hard = parseThresholds(settings.evictionHard);
  for (const signal of Object.keys(settings.evictionSoftGracePeriod)) if (!isSignal(signal)) throw unsupported(signal);
  const soft = parseThresholds(settings.evictionSoft).map((threshold) => {
    const gracePeriod = settings.evictionSoftGracePeriod[threshold.signal];
    if (gracePeriod === undefined) throw new Error(`grace period must be specified for the soft eviction threshold ${threshold.signal}`);
    return { ...threshold, gracePeriod };
  });
  const reclaims = minimumReclaims(settings.evictionMinimumReclaim);
  const all = [...hard, ...soft].map((threshold): Threshold => {
    const minReclaim = reclaims.get(threshold.signal);
    return minReclaim ? { ...threshold, minReclaim } : threshold;
  });
  // Pods together have no more than what is not reserved: the same threshold holds for that.
  const ofPods = all.filter((t) => t.signal === "memory.available" && t.gracePeriod === undefined);
  return [...all, ...ofPods.map((threshold): Threshold => ({ ...threshold, signal: "allocatableMemory.available" }))];
}

function amountOf(what: string, text: string): Amount {
  const percent = /^([-+]?\d*\.?\d+(?:[eE][-+]?\d+)?)%$/.exec(text);
  if (percent) return { share: Number(percent[1]) / 100 };
  try {
    parseQuantity(text);
  } catch {
    throw new Error(`${what} must be a quantity such as 100Mi or a percentage such as 10%: ${JSON.stringify(text)}`);
  }
  return { amount: quantityToNumber(text) };
}

const inUnits = (value: Amount, capacity: number): number => ("amount" in value ? value.amount : Math.floor(value.share * capacity));
export const thresholdAmount = ({ value }: Threshold, capacity: number): number => inUnits(value, capacity);
export const starved = ({ signal }: Threshold): StarvedResource => resources[signal];
const isMemory = ({ signal }: Threshold): boolean => resources[signal] === "memory";

/** In the order in which they are seen to; what was not observed is not met. `reclaimed`: enough is only what is above the threshold by its minimum reclaim. */
export function thresholdsMet(thresholds: readonly Threshold[], observations: Observations, reclaimed = false): Threshold[] {
  const met = thresholds.filter((threshold) => {
    const seen = observations[threshold.signal];
    if (!seen) return false;
    const more = reclaimed && threshold.minReclaim ? inUnits(threshold.minReclaim, seen.capacity) : 0;
    return seen.available < thresholdAmount(threshold, seen.capacity) + more;
  });
  return byPriority(met);
}

/** Memory before all else. */
export const byPriority = (met: readonly Threshold[]): Threshold[] => [...met].sort((a, b) => Number(isMemory(b)) - Number(isMemory(a)));

/** Node conditions that hold: those of what is met, and those seen within the last `period` milliseconds. `seen` is brought up to date. */
export function pressures(met: readonly Threshold[], seen: Map<Pressure, number>, now: number, period: number): Set<Pressure> {
  for (const { signal } of met) seen.set(conditions[signal], now);
  return new Set([...seen].filter(([, at]) => now - at < period || at === now).map(([pressure]) => pressure));
}
