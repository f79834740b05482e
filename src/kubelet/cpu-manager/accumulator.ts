/** Takes processors from a set in the order in which they fit best (pkg/kubelet/cm/cpumanager/cpu_assignment.go). */
import type { Processor } from "../../linux/topology.ts";

export type Cpus = ReadonlyMap<number, Processor>;
type Level = keyof Processor;

export const group = (cpus: Iterable<[number, Processor]>, level: Level): Map<number, Set<number>> => {
  const groups = new Map<number, Set<number>>();
  for (const [cpu, processor] of cpus) {
    const id = processor[level];
    const members = groups.get(id) ?? new Set();
    members.add(cpu);
    groups.set(id, members);
  }
  return groups;
};

const count = (cpus: Cpus, level: Level): number => group(cpus, level).size;
export const cpusPerCore = (cpus: Cpus): number => Math.floor(cpus.size / Math.max(1, count(cpus, "core")));

export class Accumulator {
  readonly #all: Cpus;
  /** What is left to take from. */
  #free: Map<number, Processor>;
  readonly taken = new Set<number>();
  needed: number;
  /** Sockets hold nodes, or nodes hold sockets: the larger is filled first. */
  readonly #levels: readonly [first: "node" | "socket", second: "node" | "socket"];

  constructor(all: Cpus, available: ReadonlySet<number>, needed: number) {
    this.#all = all;
    this.#free = new Map([...all].filter(([cpu]) => available.has(cpu)));
    this.needed = needed;
    this.#levels = count(all, "socket") >= count(all, "node") ? ["node", "socket"] : ["socket", "node"];
  }
  get satisfied(): boolean {
    return this.needed < 1;
  }
  get failed(): boolean {
    return this.needed > this.#free.size;
  }
  free(level: Level, id: number): Set<number> {
    return new Set([...this.#free].filter(([, p]) => p[level] === id).map(([cpu]) => cpu));
  }
  take(cpus: Iterable<number>): void {
    for (const cpu of cpus) {
      this.taken.add(cpu);
      this.#free.delete(cpu);
      this.needed--;
    }
  }
  /** Ids at a level, those with the fewest free processors first, within those of the levels above. */
  sorted(level: Level): number[] {
    const [first, second] = this.#levels;
    const above: Level | undefined = level === first ? undefined : level === second ? first : level === "cache" ? "node" : second;
    const sort = (cpus: [number, Processor][]): number[] => {
      const groups = group(cpus, level);
      // As upstream: compared by all that is free of it, not only by what lies in the level above.
      return [...groups.keys()].sort((a, b) => this.free(level, a).size - this.free(level, b).size || a - b);
    };
    if (above === undefined) return sort([...this.#free]);
    return this.sorted(above).flatMap((id) => sort([...this.#free].filter(([, p]) => p[above] === id)));
  }
  takeWhole(level: Level): void {
    const all = group(this.#all, level);
    const perSocket = Math.floor(this.#all.size / count(this.#all, "socket"));
    const size = (id: number): number => (level === "socket" ? perSocket : level === "core" ? cpusPerCore(this.#all) : (all.get(id)?.size ?? 0));
    for (const id of this.sorted(level).filter((one) => this.free(level, one).size === size(one))) {
      const cpus = all.get(id) ?? new Set();
      if (this.needed >= cpus.size) this.take(cpus);
    }
  }
  takeFirstLevels(): void {
    for (const level of this.#levels) if (!this.satisfied) this.takeWhole(level);
  }
  /** Whole caches as long as they are needed, then the first that holds the rest. */
  takeCaches(): void {
    const perCache = Math.floor(this.#all.size / count(this.#all, "cache"));
    for (const cache of this.sorted("cache")) {
      if (this.needed >= perCache) this.takeWhole("cache");
      if (!this.satisfied) this.#takePartOf(cache);
      if (this.satisfied) return;
    }
  }
  #takePartOf(cache: number): void {
    const threads = cpusPerCore(this.#all);
    const inCache = [...this.#free].filter(([, p]) => p.cache === cache);
    const cores = new Set([...group(inCache, "core").keys()].sort((a, b) => a - b).slice(0, Math.ceil(this.needed / threads)));
    let cpus = [...this.#free].filter(([, p]) => cores.has(p.core)).map(([cpu]) => cpu);
    cpus.sort((a, b) => a - b);
    if (this.needed % 2 !== 0 && threads > 1 && cpus.length > this.needed) cpus = cpus.slice(0, -1);
    if (cpus.length === this.needed) this.take(cpus);
  }
  takeRest(): void {
    for (const core of this.sorted("core"))
      for (const cpu of [...this.free("core", core)].sort((a, b) => a - b)) {
        if (this.satisfied) return;
        this.take([cpu]);
      }
  }
}
