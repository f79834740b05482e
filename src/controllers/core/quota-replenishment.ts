/**
 * Which changes of an object give something back to a quota, or change what it takes without anybody having been asked
 * (k8s.io/kubernetes/pkg/quota/v1/install/update_filter.go). What is made or asks for more, admission has counted already: to
 * count it again from a cache that does not show all of it yet would give away what is taken. Pure.
 */
import type { KubeObject } from "../../api/object.ts";
import { isTerminatingPod, takesFromQuota } from "../../api/quota/usage.ts";
import type { ContainerStatus, PersistentVolumeClaim, Pod, Service } from "../../api/types/core-v1.gen.ts";
import { semanticEqual } from "../runtime/equal.ts";

/** Of a groupResource. `now` in milliseconds since the epoch. */
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
