/**
 * When a quota gets something back (k8s.io/kubernetes/pkg/quota/v1/install/update_filter.go). What is made or asks for more,
 * admission charges before it is stored: a count from a cache that does not show it yet must not give it away again. Pure.
 */
import { compareQuantities, type ResourceList } from "../../api/core/resource-list.ts";
import type { KubeObject } from "../../api/object.ts";
import { isTerminatingPod, takesFromQuota } from "../../api/quota/usage.ts";
import type { ContainerStatus, PersistentVolumeClaim, Pod, Service } from "../../api/types/core-v1.gen.ts";
import { semanticEqual } from "../runtime/equal.ts";

/** What is to be written as used: the larger of what is charged and what is counted, or what is counted. */
export function usedOf(charged: ResourceList, counted: ResourceList, mayLower: boolean): ResourceList {
  const used = { ...counted };
  if (!mayLower) for (const name in counted) if (isLess(counted, charged, name)) used[name] = charged[name] as string;
  return used;
}
const isLess = (a: ResourceList, b: ResourceList, name: string): boolean =>
  a[name] !== undefined && b[name] !== undefined && compareQuantities(a[name], b[name]) < 0;

/** Something has been charged between two versions of a quota. */
export const isCharged = (old: ResourceList, next: ResourceList): boolean => Object.keys(old).some((name) => isLess(old, next, name));

/** Whether this change gives something back, or changes what is taken without anybody having been asked. Of a groupResource. `now` in milliseconds since the epoch. */
export function isReplenishing(resource: string, old: KubeObject | undefined, object: KubeObject | undefined, now: number): boolean {
  if (!old || !object) return !object;
  if (resource === "pods") return podReplenishes(old as Pod, object as Pod, now);
  if (resource === "services") return serviceType(old as Service) !== serviceType(object as Service);
  if (resource === "persistentvolumeclaims") return !semanticEqual(claimShare(old as PersistentVolumeClaim), claimShare(object as PersistentVolumeClaim));
  return false;
}

const resources = (statuses: readonly ContainerStatus[] = []): unknown[] => statuses.map(({ name, resources }) => [name, resources]);

function podReplenishes(old: Pod, pod: Pod, now: number): boolean {
  if (isTerminatingPod(old) !== isTerminatingPod(pod) || (takesFromQuota(old, now) && !takesFromQuota(pod, now))) return true;
  const [before, after] = [old.status, pod.status];
  return (
    !semanticEqual(resources(before?.containerStatuses), resources(after?.containerStatuses)) ||
    !semanticEqual(resources(before?.initContainerStatuses), resources(after?.initContainerStatuses))
  );
}

const serviceType = ({ spec: { type } }: Service): string | undefined => (type === "NodePort" || type === "LoadBalancer" ? type : undefined);

const claimShare = ({ spec, status }: PersistentVolumeClaim): unknown => [
  status?.allocatedResources?.storage,
  spec.volumeAttributesClassName,
  status?.currentVolumeAttributesClassName,
  status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
];
