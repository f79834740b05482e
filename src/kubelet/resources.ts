/** From quantities to what cgroups take (upstream's pkg/kubelet/cm helpers_linux.go and qos/policy.go). Pure. */
import { isPodLevelResourcesSet, isSidecar, podLimits, podRequests } from "../api/core/pod-resources.ts";
import { quantityToMilli, quantityToNumber } from "../api/quantity.ts";
import type { Container, Pod } from "../api/types/core-v1.gen.ts";
import type { Sent } from "../cri/client.ts";
import type { LinuxContainerResources } from "../cri/types.gen.ts";
import { isNodeCritical, qosClass } from "./pod.ts";

const minShares = 2;
const maxShares = 262144;
const minQuota = 1000;

export function milliToShares(milli: number): number {
  if (milli === 0) return minShares;
  return Math.min(Math.max(Math.floor((milli * 1024) / 1000), minShares), maxShares);
}

/** Microseconds of each period; 0 for no limit. */
export function milliToQuota(milli: number, period: number): number {
  return milli === 0 ? 0 : Math.max(Math.floor((milli * period) / 1000), minQuota);
}

const guaranteedScore = -997;
const bestEffortScore = 1000;

/** How early the kernel kills the container's processes when memory is short. */
export function oomScore(pod: Pod, container: Container, memoryCapacity: number): number {
  if (isNodeCritical(pod)) return guaranteedScore;
  const qos = qosClass(pod);
  if (qos === "Guaranteed") return guaranteedScore;
  if (qos === "BestEffort") return bestEffortScore;
  const requested = (c: Container): number => quantityToNumber(c.resources?.requests?.memory ?? 0);
  const spare = sparePodMemory(pod);
  const score = (memory: number): number => 1000 - Math.trunc((1000 * (memory + spare)) / memoryCapacity);
  let adjust = score(requested(container));
  if (isSidecar(container)) adjust = Math.min(adjust, score(Math.min(...pod.spec.containers.map(requested))));
  if (adjust < 1000 + guaranteedScore) return 1000 + guaranteedScore;
  return adjust === bestEffortScore ? adjust - 1 : adjust;
}

/** What the pod requests for itself beyond its containers, in equal parts. */
function sparePodMemory(pod: Pod): number {
  const own = pod.spec.resources?.requests?.memory;
  if (own === undefined) return 0;
  const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? []).filter(isSidecar)];
  const used = containers.reduce((sum, c) => sum + quantityToNumber(c.resources?.requests?.memory ?? 0), 0);
  return Math.floor((quantityToNumber(own) - used) / containers.length);
}

export interface ResourceLimits {
  memoryCapacity: number;
  cfsQuota: boolean;
  cfsPeriod: number;
  /** Lowest oom_score_adj that this machine lets us set. */
  minOomScore: number;
}

export function containerResources(pod: Pod, container: Container, limits: ResourceLimits): Sent<LinuxContainerResources> {
  const podLevel = isPodLevelResourcesSet(pod.spec) ? pod.spec.resources?.limits : undefined;
  const own = container.resources ?? {};
  const limit = (name: string): string | number => own.limits?.[name] ?? podLevel?.[name] ?? 0;
  const cpuLimit = quantityToMilli(limit("cpu"));
  // Without a request, a limit is one.
  const cpuRequest = own.requests?.cpu === undefined && cpuLimit > 0 ? cpuLimit : quantityToMilli(own.requests?.cpu ?? 0);
  return {
    cpuShares: milliToShares(cpuRequest),
    ...(limits.cfsQuota && cpuLimit > 0 ? { cpuQuota: milliToQuota(cpuLimit, limits.cfsPeriod), cpuPeriod: limits.cfsPeriod } : {}),
    memoryLimitInBytes: quantityToNumber(limit("memory")),
    oomScoreAdj: Math.max(oomScore(pod, container, limits.memoryCapacity), limits.minOomScore),
  };
}

export interface PodCgroupValues {
  cpuShares: number;
  cpuQuota?: number;
  cpuPeriod?: number;
  memory?: number;
}

/** Whether the pod as a whole is bounded: by itself, or in each of its containers. */
export function limitsEverything(pod: Pod, name: string): boolean {
  const limited = (limits: Record<string, string> | undefined): boolean => quantityToMilli(limits?.[name] ?? 0) > 0;
  return limited(pod.spec.resources?.limits) || [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].every((c) => limited(c.resources?.limits));
}

/** The pod's own cgroup: sums of its containers, limits only where every container has one. */
export function podCgroup(pod: Pod, cfsQuota: boolean, period: number): PodCgroupValues {
  const qos = qosClass(pod);
  if (qos === "BestEffort") return { cpuShares: minShares };
  const requests = podRequests(pod.spec);
  const limits = podLimits(pod.spec);
  const values: PodCgroupValues = { cpuShares: milliToShares(quantityToMilli(String(requests.cpu ?? 0))) };
  if (cfsQuota && limitsEverything(pod, "cpu"))
    Object.assign(values, { cpuQuota: milliToQuota(quantityToMilli(String(limits.cpu ?? 0)), period), cpuPeriod: period });
  if (limitsEverything(pod, "memory")) values.memory = quantityToNumber(String(limits.memory ?? 0));
  return values;
}

/** The group that all pods are in, below the node's cgroup root. */
export const podsCgroupPath = (root: string): string => `${root === "/" ? "" : root}/kubepods`;

/** `/kubepods/burstable/podUID` below the node's cgroup root. */
export function podCgroupPath(pod: Pod, root: string): string {
  const qos = qosClass(pod);
  const middle = qos === "Guaranteed" ? "" : `/${qos.toLowerCase()}`;
  return `${podsCgroupPath(root)}${middle}/pod${pod.metadata.uid}`;
}
