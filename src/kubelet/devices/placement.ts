/** Where devices lie and which suit a container that was placed (pkg/kubelet/cm/devicemanager). Pure. */
import type { TopologyHint } from "../topology-manager/hints.ts";
import { count, has, type Mask, maskOf, subsets } from "../topology-manager/mask.ts";
import type { Device } from "./types.gen.ts";

export type Devices = ReadonlyMap<string, Device>;

export const nodesOfDevice = (device: Device | undefined): number[] => device?.topology?.nodes.map((node) => node.ID) ?? [];

/** A resource cares where its devices lie when one of them says where it does. */
export const caresForTopology = (devices: Devices): boolean => [...devices.values()].some((device) => nodesOfDevice(device).length > 0);

/** Hints for `request` devices: those of `reusable`, which are to be among them, and any of `available`. */
export function deviceHints(
  devices: Devices,
  numaNodes: readonly number[],
  available: ReadonlySet<string>,
  reusable: ReadonlySet<string>,
  request: number,
): TopologyHint[] {
  const hosting = new Set([...devices.values()].flatMap(nodesOfDevice));
  let nodes = numaNodes.filter((node) => hosting.has(node)).sort((a, b) => a - b);
  if (!nodes.length) nodes = [...numaNodes];
  const masks = new Map([...devices].map(([id, device]) => [id, maskOf(nodesOfDevice(device).filter((node) => node >= 0))]));
  const touches = (mask: Mask, id: string): boolean => ((masks.get(id) ?? 0n) & mask) !== 0n;
  let fewest = nodes.length;
  const fitting: Mask[] = [];
  for (const mask of subsets(nodes)) {
    if ([...devices.keys()].filter((id) => touches(mask, id)).length >= request) fewest = Math.min(fewest, count(mask));
    const reused = [...reusable].filter((id) => devices.get(id)?.topology);
    if (reused.some((id) => !touches(mask, id))) continue;
    if (reused.length + [...available].filter((id) => touches(mask, id)).length >= request) fitting.push(mask);
  }
  return fitting.map((affinity) => ({ affinity, preferred: count(affinity) === fewest }));
}

/** Parts `available` into what lies where the container was placed, what lies elsewhere, and what lies nowhere. */
export function byAffinity(
  devices: Devices,
  available: Iterable<string>,
  affinity: Mask | undefined,
): { aligned: Set<string>; unaligned: Set<string>; anywhere: Set<string> } {
  const parts = { aligned: new Set<string>(), unaligned: new Set<string>(), anywhere: new Set<string>() };
  for (const id of available) {
    const nodes = nodesOfDevice(devices.get(id));
    if (affinity === undefined || !nodes.length || !caresForTopology(devices)) parts.anywhere.add(id);
    else if (nodes.some((node) => has(affinity, node))) parts.aligned.add(id);
    else parts.unaligned.add(id);
  }
  return parts;
}

/** Ids by NUMA node, as the state file has them. */
export function perNuma(devices: Devices, ids: Iterable<string>): Record<string, string[]> {
  const result: Record<string, string[]> = {};
  for (const id of ids) {
    const nodes = nodesOfDevice(devices.get(id));
    for (const node of nodes.length ? nodes : [-1]) result[node] = [...(result[node] ?? []), id];
  }
  return result;
}
