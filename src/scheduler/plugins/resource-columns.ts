/** What nodes have and use of a resource by name, and what a pod asks of it: for scores over resources that can be chosen. */
import type { NodeRow, Snapshot } from "../cache/snapshot.ts";
import { deviceCounts } from "../devices/counts.ts";
import type { ClusterView } from "../framework/cluster-view.ts";
import type { Requests } from "../framework/pod-info.ts";

export interface ResourceWeight {
  readonly name: string;
  readonly weight: number;
}

export interface ResourceColumn {
  readonly allocatable: Float64Array;
  readonly used: Float64Array;
  /** By the pod that is to be placed. */
  readonly wanted: number;
  readonly weight: number;
}

/** `assumed`: with what is assumed for containers that request nothing. */
function wantedOf(requests: Requests, name: string, assumed: boolean): number {
  if (name === "cpu") return assumed ? requests.scoredCpu : requests.cpu;
  if (name === "memory") return assumed ? requests.scoredMemory : requests.memory;
  if (name === "ephemeral-storage") return requests.ephemeralStorage;
  return requests.scalars.find(([other]) => other === name)?.[1] ?? 0;
}

/** Where the columns are read: what stands in other rows than these does not matter. */
export interface Surroundings {
  readonly snapshot: Snapshot;
  readonly cluster: ClusterView;
  readonly rows: Int32Array;
}

/** Of nodes that have none of a resource themselves, the devices behind it count. */
function withDevices(column: Pick<ResourceColumn, "allocatable" | "used"> | undefined, name: string, { snapshot, cluster, rows }: Surroundings) {
  const { devices } = cluster;
  const behind = devices.classBehind(name);
  if (!behind) return column;
  const count = deviceCounts(behind, devices);
  const allocatable = column ? column.allocatable.slice() : new Float64Array(snapshot.rows.length);
  const used = column ? column.used.slice() : new Float64Array(snapshot.rows.length);
  for (const row of rows) {
    if (allocatable[row] !== 0) continue;
    const counts = count(snapshot.rows[row] as NodeRow);
    if (counts.all > 0) [allocatable[row], used[row]] = [counts.all, counts.used];
  }
  return { allocatable, used };
}

/** Extended resources that the pod does not want are left out, and those that no node has. */
export function columnsOf(where: Surroundings, requests: Requests, resources: readonly ResourceWeight[], assumed: boolean): ResourceColumn[] {
  const { snapshot } = where;
  return resources.flatMap(({ name, weight }): ResourceColumn[] => {
    const wanted = wantedOf(requests, name, assumed);
    if (name === "cpu") return [{ allocatable: snapshot.cpu, used: assumed ? snapshot.nonZeroCpu : snapshot.usedCpu, wanted, weight }];
    if (name === "memory") return [{ allocatable: snapshot.memory, used: assumed ? snapshot.nonZeroMemory : snapshot.usedMemory, wanted, weight }];
    if (name === "ephemeral-storage") return [{ allocatable: snapshot.ephemeralStorage, used: snapshot.usedEphemeralStorage, wanted, weight }];
    if (wanted <= 0) return [];
    const own = snapshot.scalars.get(name);
    const column = withDevices(own && { allocatable: own.allocatable, used: own.requested }, name, where);
    return column ? [{ ...column, wanted, weight }] : [];
  });
}

/** Whether the pod asks for any of them. */
export const wantsAny = (requests: Requests, resources: readonly ResourceWeight[], assumed: boolean): boolean =>
  resources.some(({ name }) => wantedOf(requests, name, assumed) !== 0);

/** The two that matter by default, of like weight. */
export const cpuAndMemory: readonly ResourceWeight[] = [
  { name: "cpu", weight: 1 },
  { name: "memory", weight: 1 },
];
export const isCpuAndMemory = (resources: readonly ResourceWeight[]): boolean =>
  resources.length === 2 && cpuAndMemory.every(({ name }, i) => resources[i]?.name === name && resources[i]?.weight === 1);
