/** What nodes have and use of a resource by name, and what a pod asks of it: for scores over resources that can be chosen. */
import type { Snapshot } from "../cache/snapshot.ts";
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

/** Extended resources that the pod does not want are left out, and those that no node has. */
export function columnsOf(snapshot: Snapshot, requests: Requests, resources: readonly ResourceWeight[], assumed: boolean): ResourceColumn[] {
  return resources.flatMap(({ name, weight }): ResourceColumn[] => {
    const wanted = wantedOf(requests, name, assumed);
    if (name === "cpu") return [{ allocatable: snapshot.cpu, used: assumed ? snapshot.nonZeroCpu : snapshot.usedCpu, wanted, weight }];
    if (name === "memory") return [{ allocatable: snapshot.memory, used: assumed ? snapshot.nonZeroMemory : snapshot.usedMemory, wanted, weight }];
    if (name === "ephemeral-storage") return [{ allocatable: snapshot.ephemeralStorage, used: snapshot.usedEphemeralStorage, wanted, weight }];
    const column = snapshot.scalars.get(name);
    return wanted > 0 && column ? [{ allocatable: column.allocatable, used: column.requested, wanted, weight }] : [];
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
