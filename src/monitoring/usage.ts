/** From two measurements to what is used (sigs.k8s.io/metrics-server/pkg/storage). Pure. */
import type { NodePoints, Point } from "./points.ts";

export interface Usage {
  /** Nanocores. */
  cpu: number;
  /** Bytes. */
  memory: number;
  swap?: number;
  /** Milliseconds since the epoch: of the newer measurement. */
  time: number;
  /** Milliseconds between the two. */
  window: number;
}

/** A container that is younger is measured from its start on once it is that old; before that, the figure says little. */
const fresh = 10_000;

/** Undefined where the two do not belong together. */
export function usageOf(last: Point, previous: Point): Usage | undefined {
  const window = last.time - previous.time;
  if (last.start < previous.start || last.cpu < previous.cpu || window <= 0) return undefined;
  const cpu = Math.floor(((last.cpu - previous.cpu) * 1000) / window);
  return { cpu, memory: last.memory, ...(last.swap === undefined ? {} : { swap: last.swap }), time: last.time, window };
}

interface Pair {
  last: Point;
  previous?: Point;
}

/** What stands before a new measurement: the last one, or the one before it where nothing new was measured. */
function before(point: Point, known: Pair | undefined): Point | undefined {
  if (!known || (point.start > 0 && point.start >= known.last.time)) return undefined;
  if (point.time > known.last.time) return known.last;
  return known.previous && known.previous.time < point.time ? known.previous : undefined;
}

export class UsageStore {
  /** Milliseconds between scrapes. */
  readonly #resolution: number;
  #nodes = new Map<string, Pair>();
  #pods = new Map<string, Map<string, Pair>>();

  constructor(resolution: number) {
    this.#resolution = resolution;
  }

  /** Takes the measurements of all nodes that answered; what is not among them is forgotten. */
  add(batch: ReadonlyMap<string, NodePoints>): void {
    const nodes = new Map<string, Pair>();
    const pods = new Map<string, Map<string, Pair>>();
    for (const [name, points] of batch) {
      if (points.node) nodes.set(name, pair(points.node, before(points.node, this.#nodes.get(name))));
      for (const [pod, containers] of points.pods) {
        if (pods.has(pod)) continue;
        const known = this.#pods.get(pod);
        pods.set(
          pod,
          new Map([...containers].map(([container, point]) => [container, pair(point, this.#firstOf(point) ?? before(point, known?.get(container)))])),
        );
      }
    }
    this.#nodes = nodes;
    this.#pods = pods;
  }

  #firstOf(point: Point): Point | undefined {
    const age = point.time - point.start;
    return point.start > 0 && age >= fresh && age < this.#resolution ? { ...point, time: point.start, cpu: 0 } : undefined;
  }

  node(name: string): Usage | undefined {
    const known = this.#nodes.get(name);
    return known?.previous && usageOf(known.last, known.previous);
  }

  /** By container, in the order of their names; undefined where one of them has been measured once only. */
  pod(namespace: string, name: string): [container: string, usage: Usage][] | undefined {
    const known = this.#pods.get(`${namespace}/${name}`);
    if (!known) return undefined;
    const found: [string, Usage][] = [];
    for (const [container, { last, previous }] of known) {
      if (!previous) return undefined;
      const usage = usageOf(last, previous);
      if (usage) found.push([container, usage]);
    }
    return found.sort(([a], [b]) => (a < b ? -1 : 1));
  }

  get size(): { nodes: number; pods: number } {
    return { nodes: this.#nodes.size, pods: this.#pods.size };
  }
}

const pair = (last: Point, previous: Point | undefined): Pair => ({ last, ...(previous ? { previous } : {}) });
