/** Pools of devices as one node sees them (dynamic-resource-allocation, pools_incubating.go). */
import type { NodeSelector } from "../../api/types/core-v1.gen.ts";
import type { CounterSet, Device, ResourceSlice } from "../../api/types/resource-v1.gen.ts";
import { type NodeFacts, nodeSelectorTest } from "../framework/node-selector.ts";

export interface Pool {
  /** `driver/pool`. */
  readonly id: string;
  /** Incomplete: slices of it are still to come. Invalid: they contradict each other. */
  readonly state: "usable" | "incomplete" | "invalid";
  /** With devices that the node may reach. */
  readonly slices: readonly ResourceSlice[];
  /** With devices that it does not. */
  readonly others: readonly ResourceSlice[];
  readonly counters: ReadonlyMap<string, CounterSet>;
}

export const poolOf = ({ spec }: ResourceSlice): string => `${spec.driver}/${spec.pool.name}`;
export const deviceId = (slice: ResourceSlice, { name }: Device): string => `${poolOf(slice)}/${name}`;

interface Placed {
  nodeName?: string;
  allNodes?: boolean;
  nodeSelector?: NodeSelector;
}
export function reachedFrom(node: NodeFacts, { nodeName, allNodes, nodeSelector }: Placed): boolean {
  if (nodeName) return nodeName === node.name;
  return allNodes === true || (nodeSelector !== undefined && nodeSelectorTest(nodeSelector)(node));
}

function isRelevant({ spec }: ResourceSlice, node: NodeFacts): boolean {
  if (spec.sharedCounters?.length) return true;
  if (spec.nodeName || spec.allNodes || spec.nodeSelector) return reachedFrom(node, spec);
  return spec.perDeviceNodeSelection === true && (spec.devices ?? []).some((device) => reachedFrom(node, device));
}

function consumesKnown(counters: ReadonlyMap<string, CounterSet>, slices: readonly ResourceSlice[]): boolean {
  return slices.every(({ spec }) =>
    (spec.devices ?? []).every(({ consumesCounters = [] }) =>
      consumesCounters.every(({ counterSet, counters: used = {} }) => {
        const known = counters.get(counterSet)?.counters ?? {};
        return counters.has(counterSet) && Object.keys(used).every((name) => known[name] !== undefined);
      }),
    ),
  );
}

function build(id: string, found: readonly ResourceSlice[], all: readonly ResourceSlice[]): Pool {
  const slices = found.filter(({ spec }) => !spec.sharedCounters?.length).sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const others = all.length > found.length ? all.filter((slice) => !found.includes(slice)) : [];
  const invalid: Pool = { id, state: "invalid", slices: [], others: [], counters: new Map() };
  const names = slices.flatMap(({ spec }) => (spec.devices ?? []).map(({ name }) => name));
  if (new Set(names).size < names.length) return invalid;
  const counters = new Map<string, CounterSet>();
  for (const set of found.flatMap(({ spec }) => spec.sharedCounters ?? [])) {
    if (counters.has(set.name)) return invalid;
    counters.set(set.name, set);
  }
  if (!consumesKnown(counters, found) || !consumesKnown(counters, others)) return invalid;
  return { id, state: "usable", slices, others, counters };
}

const waitsForBinding = ({ slices }: Pool): boolean => slices.some(({ spec }) => (spec.devices ?? []).some(({ bindingConditions }) => bindingConditions));

/** All slices of the cluster, so that each node finds its own. */
export class SliceIndex {
  readonly #ofNode = new Map<string, ResourceSlice[]>();
  readonly #shared: ResourceSlice[] = [];
  readonly #ofPool = new Map<string, ResourceSlice[]>();

  constructor(slices: readonly ResourceSlice[]) {
    const add = (map: Map<string, ResourceSlice[]>, key: string, slice: ResourceSlice): void => {
      const list = map.get(key);
      if (list) list.push(slice);
      else map.set(key, [slice]);
    };
    for (const slice of slices) {
      add(this.#ofPool, poolOf(slice), slice);
      if (slice.spec.nodeName && !slice.spec.sharedCounters?.length) add(this.#ofNode, slice.spec.nodeName, slice);
      else this.#shared.push(slice);
    }
  }

  /** In the order in which devices are tried: by driver and name, those whose devices have to be made ready last. */
  pools(node: NodeFacts): Pool[] {
    const found = new Map<string, ResourceSlice[]>();
    for (const slice of [...(this.#ofNode.get(node.name) ?? []), ...this.#shared]) {
      if (!isRelevant(slice, node)) continue;
      const known = found.get(poolOf(slice));
      const { generation } = slice.spec.pool;
      const newest = known?.[0]?.spec.pool.generation ?? -1;
      if (!known || generation > newest) found.set(poolOf(slice), [slice]);
      else if (generation === newest) known.push(slice);
    }
    const pools = [...found].flatMap(([id, slices]) => this.#pool(id, slices) ?? []);
    const key = ({ id }: Pool): [string, string] => [id.slice(0, id.indexOf("/")), id.slice(id.indexOf("/") + 1)];
    const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
    const order = (a: Pool, b: Pool): number => compare(key(a)[0], key(b)[0]) || compare(key(a)[1], key(b)[1]);
    const [late, early] = [pools.filter(waitsForBinding), pools.filter((pool) => !waitsForBinding(pool))];
    return [...early.sort(order), ...late.sort(order)];
  }

  /** Undefined for what a newer generation elsewhere has replaced. */
  #pool(id: string, found: readonly ResourceSlice[]): Pool | undefined {
    const { generation, resourceSliceCount } = (found[0] as ResourceSlice).spec.pool;
    if (found.length === resourceSliceCount) return build(id, found, found);
    const all = this.#ofPool.get(id) ?? [];
    if (all.some(({ spec }) => spec.pool.generation > generation)) return undefined;
    const current = all.filter(({ spec }) => spec.pool.generation === generation);
    if (current.length !== resourceSliceCount) return { id, state: "incomplete", slices: [], others: [], counters: new Map() };
    return build(id, found, current);
  }
}
