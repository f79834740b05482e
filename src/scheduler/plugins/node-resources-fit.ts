/** What a pod requests must be left on the node; among nodes, those with more left are better (LeastAllocated). */
import { isExtendedResource } from "../../api/core/resource-names.ts";
import { implicitResource } from "../../api/resource/extended-resource.ts";
import type { Node, Pod } from "../../api/types/core-v1.gen.ts";
import type { DeviceClass } from "../../api/types/resource-v1.gen.ts";
import { Snapshot } from "../cache/snapshot.ts";
import type { ClusterView } from "../framework/cluster-view.ts";
import { action, type ClusterEvent } from "../framework/events.ts";
import { maxNodeScore, type Plugin, type Rejection, rejection } from "../framework/plugin.ts";
import { podInfoOf, type Requests } from "../framework/pod-info.ts";
import type { PluginArgs } from "../plugin-args.ts";
import { columnsOf, isCpuAndMemory } from "./resource-columns.ts";
import { strategyScore } from "./scoring-strategy.ts";

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

/** Resources that are devices where the node itself has none of them: DynamicResources looks after those. */
type Delegated = ReadonlySet<string>;
const none: Delegated = new Set();

function delegatedOf({ scalars }: Requests, { devices }: ClusterView): Delegated {
  const names = scalars.flatMap(([resource]) => (devices.classBehind(resource) ? [resource] : []));
  return names.length ? new Set(names) : none;
}

const short = (wanted: number, used: number, capacity: number): boolean => wanted > 0 && wanted > capacity - used;

function refuse(snapshot: Snapshot, row: number, { cpu, memory, ephemeralStorage, scalars }: Requests, delegated: Delegated): Rejection {
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
    if (capacity <= 0 && delegated.has(resource)) continue;
    if (!short(wanted, column?.requested[row] ?? 0, capacity)) continue;
    reasons.push(`Insufficient ${resource}`);
    if (wanted > capacity) resolvable = false;
  }
  return reasons.length ? refusal([...common.reasons, ...reasons], resolvable) : common;
}

function fits(snapshot: Snapshot, row: number, { cpu, memory, ephemeralStorage, scalars }: Requests, delegated: Delegated): boolean {
  if (snapshot.podCount[row]! + 1 > snapshot.allowedPods[row]!) return false;
  if (cpu > 0 && cpu > snapshot.cpu[row]! - snapshot.usedCpu[row]!) return false;
  if (memory > 0 && memory > snapshot.memory[row]! - snapshot.usedMemory[row]!) return false;
  if (ephemeralStorage > 0 && ephemeralStorage > snapshot.ephemeralStorage[row]! - snapshot.usedEphemeralStorage[row]!) return false;
  for (const [resource, wanted] of scalars) {
    const column = snapshot.scalars.get(resource);
    if (delegated.size && !((column?.allocatable[row] ?? 0) > 0) && delegated.has(resource)) continue;
    if (!column || wanted > column.allocatable[row]! - column.requested[row]!) return false;
  }
  return true;
}

function empty(node: Node): Snapshot {
  const lone = new Snapshot();
  lone.grow(1);
  lone.setAllocatable(0, node);
  return lone;
}

/** Whether the node could hold the pod if nothing else ran there, and has more than before of what the pod wants. */
function nodeHint(pod: Pod, { old, object }: ClusterEvent, cluster: ClusterView): boolean {
  const { requests } = podInfoOf(pod);
  const delegated = delegatedOf(requests, cluster);
  const after = empty(object as Node);
  if (!fits(after, 0, requests, delegated)) return false;
  if (!old) return true;
  const before = empty(old as Node);
  const more = (column: "allowedPods" | "cpu" | "memory" | "ephemeralStorage"): boolean => after[column][0]! > before[column][0]!;
  if (more("allowedPods") || (requests.cpu > 0 && more("cpu")) || (requests.memory > 0 && more("memory"))) return true;
  if (requests.ephemeralStorage > 0 && more("ephemeralStorage")) return true;
  const grew = (name: string): boolean => after.scalar(name).allocatable[0]! > before.scalar(name).allocatable[0]!;
  return requests.scalars.some(([name]) => grew(name) || (delegated.has(name) && after.scalar(name).allocatable[0]! <= 0));
}

/** From now on devices of the class stand behind a resource that the pod wants. */
function classHint(pod: Pod, { old, object }: ClusterEvent): boolean {
  const { metadata, spec } = object as DeviceClass;
  const wants = (resource: string | undefined): boolean => podInfoOf(pod).requests.scalars.some(([name]) => name === resource);
  if (old && (old as DeviceClass).spec.extendedResourceName === spec.extendedResourceName) return false;
  return wants(spec.extendedResourceName) || (!old && wants(implicitResource(metadata.name)));
}

/** The pod itself wants less, or another gives back some of what it wants. */
function shrinkHint(pod: Pod, { old, object }: ClusterEvent): boolean {
  if (object?.metadata.uid === pod.metadata.uid) return true;
  const [wanted, before, after] = [pod, old as Pod, object as Pod].map((one) => podInfoOf(one).requests) as [Requests, Requests, Requests];
  const freed = (["cpu", "memory", "ephemeralStorage"] as const).some((name) => wanted[name] > 0 && before[name] > after[name]);
  const amount = ({ scalars }: Requests, name: string): number => scalars.find(([other]) => other === name)?.[1] ?? 0;
  return freed || wanted.scalars.some(([name]) => amount(before, name) > amount(after, name));
}

const free = (used: number, capacity: number): number => (used > capacity ? 0 : Math.trunc(((capacity - used) * maxNodeScore) / capacity));

/** Extended resources that somebody else looks after. */
function withoutIgnored(requests: Requests, { ignoredResources, ignoredResourceGroups }: PluginArgs["NodeResourcesFit"]): Requests {
  const ignored = (resource: string): boolean => ignoredResources.includes(resource) || ignoredResourceGroups.includes(resource.split("/")[0] as string);
  const scalars = requests.scalars.filter(([resource]) => !isExtendedResource(resource) || !ignored(resource));
  return scalars.length === requests.scalars.length ? requests : { ...requests, scalars };
}

export const nodeResourcesFit = (args: PluginArgs["NodeResourcesFit"]): Plugin => ({
  name,
  wakes: [
    { source: "AssignedPod", actions: action.delete },
    { source: "AssignedPod", actions: action.updatePodScaleDown, hint: shrinkHint },
    { source: "TargetPod", actions: action.updatePodScaleDown },
    { source: "Node", actions: action.add | action.updateAllocatable, hint: nodeHint },
    { source: "DeviceClass", actions: action.add | action.updateOther, hint: classHint },
  ],
  filter({ pod, cluster }) {
    const requests = withoutIgnored(pod.requests, args);
    const delegated = delegatedOf(requests, cluster);
    return { check: (snapshot, row) => (fits(snapshot, row, requests, delegated) ? undefined : refuse(snapshot, row, requests, delegated)) };
  },
  score({ pod, cluster }) {
    const { type, resources } = args.scoringStrategy;
    if (type !== "LeastAllocated" || !isCpuAndMemory(resources)) {
      const score = strategyScore(args.scoringStrategy);
      return {
        score(snapshot, rows, out) {
          const columns = columnsOf({ snapshot, cluster, rows }, pod.requests, resources, true);
          for (let i = 0; i < rows.length; i++) out[i] = score(columns, rows[i] as number);
        },
      };
    }
    const { scoredCpu: nonZeroCpu, scoredMemory: nonZeroMemory } = pod.requests;
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
});
