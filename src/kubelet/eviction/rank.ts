/** Who has to go first when a node is short of something, and what is said to them (upstream's pkg/kubelet/eviction/helpers.go). Pure. */
import { isPodLevelResourcesSet, podLimits, podRequests } from "../../api/core/pod-resources.ts";
import { quantityToNumber } from "../../api/quantity.ts";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import type { DiskUsage } from "../../linux/disk-usage.ts";
import { type Observations, type StarvedResource, starved, type Threshold, thresholdAmount } from "./thresholds.ts";

export interface ContainerUsage {
  /** Bytes of the working set. */
  memory?: number;
  /** Bytes of the writable layer and of the logs. */
  disk?: number;
}
export interface PodUsage {
  memory?: number;
  processes: number;
  /** Containers, logs and volumes together; absent where it was not measured. */
  disk?: DiskUsage;
  containers: ReadonlyMap<string, ContainerUsage>;
  /** Bytes, by name. */
  emptyDirs: ReadonlyMap<string, number>;
}
export type UsageOf = (pod: Pod) => PodUsage | undefined;

const request = (pod: Pod, name: string): number => quantityToNumber(String((podRequests(pod.spec) as Record<string, string>)[name] ?? 0));

function used(usage: PodUsage, resource: StarvedResource): number {
  if (resource === "memory") return usage.memory ?? 0;
  if (resource === "pids") return usage.processes;
  return (resource === "inodes" ? usage.disk?.inodes : usage.disk?.bytes) ?? 0;
}

/** First those that nothing is known of, then those above their requests, then the lower priority, then who is furthest above. */
export function rankPods(pods: readonly Pod[], resource: StarvedResource, usageOf: UsageOf): Pod[] {
  const above = (pod: Pod): number => {
    const usage = usageOf(pod);
    return usage ? used(usage, resource) - request(pod, resource) : Number.POSITIVE_INFINITY;
  };
  const exceeds = (pod: Pod): number => Number(resource !== "pids" && above(pod) > 0);
  const compare = (a: number, b: number): number => (a === b ? 0 : a < b ? -1 : 1);
  return [...pods].sort(
    (a, b) =>
      compare(Number(usageOf(a) !== undefined), Number(usageOf(b) !== undefined)) ||
      compare(exceeds(b), exceeds(a)) ||
      compare(a.spec.priority ?? 0, b.spec.priority ?? 0) ||
      compare(above(b), above(a)),
  );
}

/** As Kubernetes writes bytes: 52Mi, 53200Ki. */
export function binary(bytes: number): string {
  const units = ["", "Ki", "Mi", "Gi", "Ti", "Pi"];
  let unit = 0;
  let value = Math.floor(bytes);
  while (value !== 0 && value % 1024 === 0 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value}${units[unit]}`;
}

export function evictionMessage(
  pod: Pod,
  resource: StarvedResource,
  met: readonly Threshold[],
  observations: Observations,
  usage: PodUsage | undefined,
): string {
  let message = `The node was low on resource: ${resource}. `;
  const threshold = met.find((t) => starved(t) === resource);
  const seen = threshold && observations[threshold.signal];
  const amount = resource === "inodes" || resource === "pids" ? String : binary;
  if (threshold && seen) message += `Threshold quantity: ${amount(thresholdAmount(threshold, seen.capacity))}, available: ${amount(seen.available)}. `;
  if (!usage) return message;
  if (resource === "memory" && isPodLevelResourcesSet(pod.spec) && pod.spec.resources?.requests?.memory !== undefined && usage.memory !== undefined)
    message += `Pod ${pod.metadata.name} was using ${binary(usage.memory)}, request is ${pod.spec.resources.requests.memory}, has larger consumption of memory. `;
  if (resource !== "memory" && resource !== "ephemeral-storage") return message;
  for (const container of [...pod.spec.containers, ...(pod.spec.initContainers ?? [])]) {
    const own = usage.containers.get(container.name);
    const bytes = resource === "memory" ? own?.memory : own?.disk;
    const asked = String((container.resources?.requests as Record<string, string> | undefined)?.[resource] ?? 0);
    if (bytes !== undefined && bytes > quantityToNumber(asked))
      message += `Container ${container.name} was using ${binary(bytes)}, request is ${asked}, has larger consumption of ${resource}. `;
  }
  return message;
}

/** Whether the pod says itself how much disk it may use. */
export function limitsDisk(pod: Pod): boolean {
  return (
    (podLimits(pod.spec) as Record<string, string>)["ephemeral-storage"] !== undefined ||
    (pod.spec.volumes ?? []).some((v) => v.emptyDir && v.emptyDir.medium !== "Memory" && quantityToNumber(v.emptyDir.sizeLimit ?? 0) > 0)
  );
}

/** What the pod uses beyond what it said; undefined when it keeps to it. The kernel sees to volumes in memory itself. */
export function brokenDiskLimit(pod: Pod, usage: PodUsage): string | undefined {
  for (const { name, emptyDir } of pod.spec.volumes ?? []) {
    const limit = emptyDir?.sizeLimit;
    if (limit !== undefined && quantityToNumber(limit) > 0 && (usage.emptyDirs.get(name) ?? 0) > quantityToNumber(limit))
      return `Usage of EmptyDir volume ${JSON.stringify(name)} exceeds the limit ${JSON.stringify(limit)}. `;
  }
  const whole = (podLimits(pod.spec) as Record<string, string>)["ephemeral-storage"];
  if (whole !== undefined && (usage.disk?.bytes ?? 0) > quantityToNumber(String(whole)))
    return `Pod ephemeral local storage usage exceeds the total limit of containers ${whole}. `;
  for (const { name, resources } of pod.spec.containers) {
    const limit = (resources?.limits as Record<string, string> | undefined)?.["ephemeral-storage"];
    if (limit !== undefined && quantityToNumber(limit) > 0 && (usage.containers.get(name)?.disk ?? 0) > quantityToNumber(limit))
      return `Container ${name} exceeded its local ephemeral storage limit ${JSON.stringify(limit)}. `;
  }
  return undefined;
}
