/** What plugins read of the cluster, from informers. */
import type { LabelSelector } from "../api/selectors/labels.ts";
import { LabelSelector as Selector, selectorOf } from "../api/selectors/labels.ts";
import type { Pod } from "../api/types/core-v1.gen.ts";
import type { ResourceClaim } from "../api/types/resource-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Random } from "../base/random.ts";
import type { Client } from "../client/client.ts";
import type { InformerFactory } from "../client/factory.ts";
import * as r from "../client/resources.gen.ts";
import type { ImageSpread } from "./cache/images.ts";
import { PodIndex } from "./cache/pod-index.ts";
import { createDeviceBinder } from "./device-binder.ts";
import { podBehind } from "./devices/extended-claim.ts";
import { byPodBehind } from "./extended-claims.ts";
import type { ClusterView } from "./framework/cluster-view.ts";
import { livingPods } from "./informer-events.ts";
import { Assumptions, createVolumeBinder } from "./volume-binder.ts";

const byNode = "node";

export interface ClusterViewOptions {
  client: Client;
  clock: Clock;
  random: Random;
  logger: Logger;
  informers: InformerFactory;
}

/** `asked`: told of each claim that the server was asked to make. */
export function createClusterView(
  { client, clock, random, logger, informers }: ClusterViewOptions,
  images: ImageSpread,
  asked: (result: "success" | "failure") => void,
): ClusterView {
  const namespaces = informers.informer(r.namespaces);
  const claimInformer = informers.informer(r.persistentvolumeclaims);
  const volumeInformer = informers.informer(r.persistentvolumes);
  const claims = new Assumptions(claimInformer);
  const volumes = new Assumptions(volumeInformer);
  const podInformer = informers.informer(r.pods, livingPods);
  const podExists = ({ metadata: { namespace = "", name, uid } }: Pod): boolean => podInformer.get(namespace, name)?.metadata.uid === uid;
  const classes = informers.informer(r.storageclasses);
  const csiNodes = informers.informer(r.csinodes);
  const csiDrivers = informers.informer(r.csidrivers);
  const capacities = informers.informer(r.csistoragecapacities);
  const attachments = informers.informer(r.volumeattachments, { indexes: { [byNode]: ({ spec }) => [spec.nodeName] } });
  const budgets = informers.informer(r.poddisruptionbudgets);
  const services = informers.informer(r.services);
  const owners = {
    ReplicationController: informers.informer(r.replicationcontrollers),
    ReplicaSet: informers.informer(r.replicasets),
    StatefulSet: informers.informer(r.statefulsets),
  };
  const namespaceLabels = (name: string): Readonly<Record<string, string>> | undefined => namespaces.get("", name)?.metadata.labels;
  return {
    pods: new PodIndex(namespaceLabels),
    images,
    volumes: createVolumeBinder({ client, clock, volumes, claims, informers: { volumes: volumeInformer, claims: claimInformer, podExists } }),
    devices: createDeviceBinder({
      client,
      clock,
      random,
      logger,
      informers: {
        claims: informers.informer(r.resourceclaims, { indexes: { [byPodBehind]: (claim: ResourceClaim) => [podBehind(claim) ?? []].flat() } }),
        classes: informers.informer(r.deviceclasses),
        slices: informers.informer(r.resourceslices),
      },
      asked,
    }),
    namespaceLabels,
    namespaces: () => namespaces.list(),
    pvc: (namespace, name) => claims.get(namespace, name),
    pv: (name) => volumes.get("", name),
    pvs: () => volumes.list(),
    storageClass: (name) => classes.get("", name),
    csiNode: (name) => csiNodes.get("", name),
    csiDriver: (name) => csiDrivers.get("", name),
    csiCapacities: () => capacities.list(),
    volumeAttachments: (node) => attachments.by(byNode, node),
    budgets: (namespace) => budgets.list(namespace),
    budgetsVersion: () => budgets.resourceVersion,
    defaultSelector: (pod) => defaultSelector(pod, services.list(pod.metadata.namespace), owners),
  };
}

interface Owned {
  metadata: { uid: string };
  spec?: { selector?: unknown };
}

/** Everything that the pod's services and its controller select by, taken together (helper.DefaultSelector). */
function defaultSelector(
  pod: Pod,
  services: readonly { spec?: { selector?: Record<string, string> } }[],
  owners: Record<string, { get(namespace: string, name: string): Owned | undefined }>,
): LabelSelector | undefined {
  const { namespace = "", labels = {}, ownerReferences } = pod.metadata;
  const requirements: ConstructorParameters<typeof Selector>[0][number][] = [];
  const set = new Map<string, string>();
  for (const { spec } of services) {
    const entries = Object.entries(spec?.selector ?? {});
    if (entries.length && entries.every(([key, value]) => labels[key] === value)) for (const [key, value] of entries) set.set(key, value);
  }
  const controller = ownerReferences?.find((reference) => reference.controller);
  const owner = controller && owners[controller.kind]?.get(namespace, controller.name);
  if (owner && controller.kind === "ReplicationController") {
    for (const [key, value] of Object.entries((owner.spec?.selector ?? {}) as Record<string, string>)) set.set(key, value);
  } else if (owner) requirements.push(...selectorOf(owner.spec?.selector as Parameters<typeof selectorOf>[0]).requirements);
  for (const [key, value] of set) requirements.push({ key, operator: "=", values: [value] });
  return requirements.length ? new Selector(requirements) : undefined;
}
