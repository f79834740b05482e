/** Tells cache and queue what the informers see. */
import type { KubeObject } from "../api/object.ts";
import type { Pod } from "../api/types/core-v1.gen.ts";
import type { Resource } from "../client/client.ts";
import type { InformerFactory } from "../client/factory.ts";
import * as r from "../client/resources.gen.ts";
import type { ClusterCache } from "./cache/cluster-cache.ts";
import { nodeActions, podActions } from "./changes.ts";
import type { ClusterView } from "./framework/cluster-view.ts";
import { action, type EventSource } from "./framework/events.ts";
import type { Nominations } from "./framework/nominations.ts";
import { podInfoOf } from "./framework/pod-info.ts";
import type { SchedulingQueue } from "./queue.ts";

export interface EventTargets {
  cache: ClusterCache;
  queue: SchedulingQueue;
  nominations: Nominations;
  cluster: ClusterView;
  /** Whether a pod's scheduler is one of ours. */
  isOurs(pod: Pod): boolean;
}

/** Pods that have ended hold nothing any more: for the scheduler they are deleted. */
export const livingPods = { fieldSelector: "status.phase!=Succeeded,status.phase!=Failed" };

export function watchCluster(informers: InformerFactory, targets: EventTargets): void {
  const { cache, queue, cluster } = targets;
  informers.informer(r.nodes).onChange((old, node) => {
    if (!node) {
      cache.deleteNode(old!.metadata.name);
      return queue.move({ source: "Node", actions: action.delete, old });
    }
    cache.setNode(node);
    const actions = old ? nodeActions(old, node) : action.add;
    if (actions) queue.move({ source: "Node", actions, old, object: node });
  });
  informers.informer(r.pods, livingPods).onChange((old, pod) => podChanged(targets, old, pod));
  informers.informer(r.namespaces).onChange((old, namespace) => {
    cluster.pods.forgetNamespaceLabels();
    queue.move({ source: "Namespace", actions: actionsOf(old, namespace), old, object: namespace });
  });
  const others: [Resource<KubeObject>, EventSource][] = [
    [r.persistentvolumes, "PersistentVolume"],
    [r.persistentvolumeclaims, "PersistentVolumeClaim"],
    [r.storageclasses, "StorageClass"],
    [r.csinodes, "CSINode"],
    [r.csidrivers, "CSIDriver"],
    [r.csistoragecapacities, "CSIStorageCapacity"],
    [r.volumeattachments, "VolumeAttachment"],
    [r.resourceclaims, "ResourceClaim"],
    [r.deviceclasses, "DeviceClass"],
    [r.resourceslices, "ResourceSlice"],
  ];
  for (const [resource, source] of others) {
    informers.informer(resource).onChange((old, object) => queue.move({ source, actions: actionsOf(old, object), old, object }));
  }
}

const actionsOf = (old: unknown, object: unknown): number => (!old ? action.add : object ? action.updateOther : action.delete);

function podChanged({ cache, queue, nominations, isOurs }: EventTargets, old: Pod | undefined, pod: Pod | undefined): void {
  if (old && (old.spec.nodeName || cache.placed(old.metadata.uid)) && (pod?.spec.nodeName || !pod)) {
    if (!pod) {
      cache.deletePod(old.metadata.uid);
      queue.delete(old.metadata.uid);
      nominations.delete(old.metadata.uid);
      queue.move({ source: "AssignedPod", actions: action.delete, old });
      return;
    }
    if (old.spec.nodeName) {
      cache.setPod(pod);
      queue.move({ source: "AssignedPod", actions: podActions(old, pod), old, object: pod });
      return;
    }
  }
  if (pod?.spec.nodeName) {
    cache.setPod(pod);
    if (isOurs(pod)) queue.delete(pod.metadata.uid);
    nominations.delete(pod.metadata.uid);
    queue.move({ source: "AssignedPod", actions: action.add, object: pod });
    return;
  }
  if (!isOurs((pod ?? old) as Pod)) return;
  const lessImportant = (than: Pod) => (info: { priority: number }) => info.priority <= (than.spec.priority ?? 0);
  if (!pod) {
    const gone = old as Pod;
    queue.delete(gone.metadata.uid);
    nominations.delete(gone.metadata.uid);
    if (gone.status?.nominatedNodeName) queue.move({ source: "AssignedPod", actions: action.delete, old: gone }, lessImportant(gone));
    return;
  }
  const { uid } = pod.metadata;
  if (cache.isAssumed(uid)) {
    if (pod.metadata.deletionTimestamp && !old?.metadata.deletionTimestamp) {
      cache.forget(uid);
      queue.move({ source: "AssignedPod", actions: action.delete, old: pod });
    }
    return;
  }
  const promised = pod.status?.nominatedNodeName;
  if (promised) nominations.add(podInfoOf(pod), promised);
  else if (old?.status?.nominatedNodeName) nominations.delete(uid);
  if (!old) {
    queue.add(pod);
    return;
  }
  const actions = podActions(old, pod);
  queue.update(old, pod, [{ source: "TargetPod", actions, old, object: pod }]);
  queue.move({ source: "UnscheduledPod", actions, old, object: pod });
  const before = old.status?.nominatedNodeName;
  if (before && before !== promised) queue.move({ source: "AssignedPod", actions: action.delete, old }, lessImportant(old));
}
