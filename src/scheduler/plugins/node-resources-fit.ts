/** What a pod requests must be left on the node; among nodes, those with more left are better (LeastAllocated). */
import type { Node, Pod } from "../../api/types/core-v1.gen.ts";
import { Snapshot } from "../cache/snapshot.ts";
import { action } from "../framework/events.ts";
import { maxNodeScore, type Plugin, type Rejection, rejection } from "../framework/plugin.ts";
import { podInfoOf, type Requests } from "../framework/pod-info.ts";

const name = "NodeResourcesFit";
const rejections = new Map<string, Rejection>();

/** One rejection per combination of reasons, however many nodes there are. */
function refusal(reasons: string[], resolvable: boolean): Rejection {
  const key = `${resolvable} ${reasons.join("\n")}`;
  let known = rejections.get(key);
  if (!known) {
    known = rejection(name, resolvable, ...reasons);
    if (rejections.size < 1024) rejections.set(key, known);
  }
  return known;
}

/** The same by bits: too many pods 1, CPU 2, memory 4, storage 8, and 16 where nobody's going would help. */
const byBits: readonly Rejection[] = Array.from({ length: 32 }, (_, bits) => {
  const reasons = ["Too many pods", "Insufficient cpu", "Insufficient memory", "Insufficient ephemeral-storage"];
  return refusal(
    reasons.filter((_, bit) => bits & (1 << bit)),
    bits < 16,
  );
});

const short = (wanted: number, used: number, capacity: number): boolean => wanted > 0 && wanted > capacity - used;

function refuse(snapshot: Snapshot, row: number, { cpu, memory, ephemeralStorage, scalars }: Requests): Rejection {
  const [allCpu, allMemory, allStorage] = [snapshot.cpu[row]!, snapshot.memory[row]!, snapshot.ephemeralStorage[row]!];
  let bits = snapshot.podCount[row]! + 1 > snapshot.allowedPods[row]! ? 1 : 0;
  if (short(cpu, snapshot.usedCpu[row]!, allCpu)) bits |= cpu > allCpu ? 18 : 2;
  if (short(memory, snapshot.usedMemory[row]!, allMemory)) bits |= memory > allMemory ? 20 : 4;
  if (short(ephemeralStorage, snapshot.usedEphemeralStorage[row]!, allStorage)) bits |= ephemeralStorage > allStorage ? 24 : 8;
  const common = byBits[bits] as Rejection;
  if (!scalars.length) return common;
  const reasons: string[] = [];
  let { resolvable } = common;
  for (const [resource, wanted] of scalars) {
    const column = snapshot.scalars.get(resource);
    const capacity = column?.allocatable[row] ?? 0;
    if (!short(wanted, column?.requested[row] ?? 0, capacity)) continue;
    reasons.push(`Insufficient ${resource}`);
    if (wanted > capacity) resolvable = false;
  }
  return reasons.length ? refusal([...common.reasons, ...reasons], resolvable) : common;
}

function fits(snapshot: Snapshot, row: number, { cpu, memory, ephemeralStorage, scalars }: Requests): boolean {
  if (snapshot.podCount[row]! + 1 > snapshot.allowedPods[row]!) return false;
  if (cpu > 0 && cpu > snapshot.cpu[row]! - snapshot.usedCpu[row]!) return false;
  if (memory > 0 && memory > snapshot.memory[row]! - snapshot.usedMemory[row]!) return false;
  if (ephemeralStorage > 0 && ephemeralStorage > snapshot.ephemeralStorage[row]! - snapshot.usedEphemeralStorage[row]!) return false;
  for (const [resource, wanted] of scalars) {
    const column = snapshot.scalars.get(resource);
    if (!column || wanted > column.allocatable[row]! - column.requested[row]!) return false;
  }
  return true;
}

/** Whether the node could hold the pod if nothing else ran there. */
function couldFit(node: Node, pod: Pod): boolean {
  const lone = new Snapshot();
  lone.grow(1);
  lone.setAllocatable(0, node);
  return fits(lone, 0, podInfoOf(pod).requests);
}

const free = (used: number, capacity: number): number => (used > capacity ? 0 : Math.trunc(((capacity - used) * maxNodeScore) / capacity));

export const nodeResourcesFit: Plugin = {
  name,
  wakes: [
    { source: "AssignedPod", actions: action.delete | action.updatePodScaleDown },
    { source: "TargetPod", actions: action.updatePodScaleDown },
    { source: "Node", actions: action.add | action.updateAllocatable, hint: (pod, { object }) => couldFit(object as Node, pod) },
  ],
  filter({ pod }) {
    const { requests } = pod;
    return { check: (snapshot, row) => (fits(snapshot, row, requests) ? undefined : refuse(snapshot, row, requests)) };
  },
  score({ pod }) {
    const { nonZeroCpu, nonZeroMemory } = pod.requests;
    return {
      score(snapshot, rows, out) {
        for (let i = 0; i < rows.length; i++) {
          const row = rows[i] as number;
          const cpu = snapshot.cpu[row] as number;
          const memory = snapshot.memory[row] as number;
          const weights = (cpu === 0 ? 0 : 1) + (memory === 0 ? 0 : 1);
          const sum =
            (cpu === 0 ? 0 : free(snapshot.nonZeroCpu[row]! + nonZeroCpu, cpu)) +
            (memory === 0 ? 0 : free(snapshot.nonZeroMemory[row]! + nonZeroMemory, memory));
          out[i] = weights === 0 ? 0 : Math.trunc(sum / weights);
        }
      },
    };
  },
};
