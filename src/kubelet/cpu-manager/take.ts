/** Which processors a container gets of those that are free (pkg/kubelet/cm/cpumanager/cpu_assignment.go; KEP-2902). Pure. */
import { Accumulator, type Cpus, cpusPerCore } from "./accumulator.ts";
import type { CpuOptions } from "./options.ts";

export type CpuSet = ReadonlySet<number>;

/** Throws when there are not as many. */
export function takeCpus(all: Cpus, available: CpuSet, wanted: number, options: CpuOptions): Set<number> {
  if (!options.distributeAcrossNuma) return packed(all, available, wanted, options.preferCacheAlignment);
  return distributed(all, available, wanted, options.fullCoresOnly ? cpusPerCore(all) : 1);
}

const tooFew = (wanted: number, available: CpuSet): Error =>
  new Error(`not enough cpus available to satisfy request: requested=${wanted}, available=${available.size}`);

/** Whole nodes and sockets first, then whole caches where they are preferred, whole cores, single processors. */
function packed(all: Cpus, available: CpuSet, wanted: number, preferCaches: boolean): Set<number> {
  const accumulator = new Accumulator(all, available, wanted);
  if (accumulator.satisfied) return accumulator.taken;
  if (accumulator.failed) throw tooFew(wanted, available);
  accumulator.takeFirstLevels();
  if (!accumulator.satisfied && preferCaches) accumulator.takeCaches();
  if (!accumulator.satisfied) accumulator.takeWhole("core");
  if (!accumulator.satisfied) accumulator.takeRest();
  if (!accumulator.satisfied) throw new Error("failed to allocate cpus");
  return accumulator.taken;
}

function* combinations(items: readonly number[], size: number, from = 0): Generator<number[]> {
  if (size === 0) yield [];
  else for (let i = from; i <= items.length - size; i++) for (const rest of combinations(items, size - 1, i + 1)) yield [items[i] as number, ...rest];
}

const thousandths = (value: number): number => Math.round(value * 1000) / 1000;

function deviation(values: readonly number[]): number {
  const mean = thousandths(values.reduce((a, b) => a + b, 0) / values.length);
  return thousandths(Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length));
}

interface Choice {
  balance: number;
  combo: number[];
  /** Nodes that give what cannot be shared evenly. */
  remainder: number[];
}

/** The best way to take the rest from some of the nodes of a combination; undefined: none. */
function shareRest(free: ReadonlyMap<number, number>, combo: readonly number[], rest: number, unit: number): Omit<Choice, "combo"> | undefined {
  if (rest === 0) return { balance: deviation([...free.values()]), remainder: [] };
  const candidates = combo.filter((node) => (free.get(node) ?? 0) >= unit);
  let best: Omit<Choice, "combo"> | undefined;
  for (let size = candidates.length; size >= 1; size--)
    for (const subset of combinations(candidates, size)) {
      if (subset.reduce((sum, node) => sum + (free.get(node) ?? 0), 0) < rest) continue;
      const after = new Map(free);
      let left = rest;
      for (let progress = true; left > 0 && progress; ) {
        progress = false;
        for (const node of subset) {
          const has = after.get(node) ?? 0;
          if (left <= 0 || has < unit) continue;
          after.set(node, has - unit);
          left -= unit;
          progress = true;
        }
      }
      const balance = deviation([...after.values()]);
      if (left <= 0 && (!best || balance < best.balance)) best = { balance, remainder: subset };
    }
  return best;
}

/** Evenly from as few nodes as can give them, in groups of `unit`. */
function distributed(all: Cpus, available: CpuSet, wanted: number, unit: number): Set<number> {
  if (wanted % unit !== 0) return packed(all, available, wanted, false);
  const accumulator = new Accumulator(all, available, wanted);
  if (accumulator.satisfied) return accumulator.taken;
  if (accumulator.failed) throw tooFew(wanted, available);
  const nodes = accumulator.sorted("node");
  const free = new Map(nodes.map((node) => [node, accumulator.free("node", node).size]));
  const groups = Math.ceil(wanted / unit);
  const perNode = Math.ceil(Math.ceil(all.size / unit) / new Set([...all.values()].map((p) => p.node)).size);
  for (let size = Math.ceil(groups / perNode); size <= Math.min(groups, nodes.length); size++) {
    const each = Math.floor(wanted / size / unit) * unit;
    let best: Choice | undefined;
    for (const combo of combinations(nodes, size)) {
      if (best?.balance === 0) break;
      const counts = combo.map((node) => free.get(node) ?? 0);
      if (counts.reduce((sum, n) => sum + Math.floor(n / unit) * unit, 0) < wanted || counts.some((n) => n < each)) continue;
      const after = new Map(free);
      for (const node of combo) after.set(node, (after.get(node) ?? 0) - each);
      const shared = shareRest(after, combo, wanted - each * size, unit);
      if (shared && (!best || shared.balance < best.balance)) best = { ...shared, combo };
    }
    if (!best) continue;
    for (const node of best.combo) accumulator.take(packed(all, accumulator.free("node", node), each, false));
    while (accumulator.needed > 0)
      for (const node of best.remainder) {
        if (accumulator.needed <= 0 || accumulator.free("node", node).size < unit) continue;
        accumulator.take(packed(all, accumulator.free("node", node), unit, false));
      }
    return accumulator.taken;
  }
  return packed(all, available, wanted, false);
}
