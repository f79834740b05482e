/** A random cluster and pods to ask about; the same seed gives the same world. */
import type { ReplicaSet } from "../../src/api/types/apps-v1.gen.ts";
import type { Namespace, Node, PersistentVolume, PersistentVolumeClaim, Pod, Service } from "../../src/api/types/core-v1.gen.ts";
import type { PodDisruptionBudget } from "../../src/api/types/policy-v1.gen.ts";
import type { DeviceClass, ResourceClaim, ResourceSlice } from "../../src/api/types/resource-v1.gen.ts";
import type { CSIDriver, CSINode, CSIStorageCapacity, StorageClass, VolumeAttachment } from "../../src/api/types/storage-v1.gen.ts";
import type { Random } from "../../src/base/random.ts";
import { type Change, randomChanges } from "./changes.ts";
import { randomConfig } from "./config.ts";
import { deviceResources, randomDeviceClaims, randomDeviceClasses, randomSlices } from "./devices.ts";
import { randomCSINode, randomNode } from "./nodes.ts";
import { chance, identity, pick, times } from "./pick.ts";
import { apps, randomPod, randomSelector } from "./pods.ts";
import { claimsIn, csiDrivers, randomAttachments, randomCapacities, randomVolumes, storageClasses } from "./volumes.ts";

export interface World {
  nodes: Node[];
  pods: Pod[];
  namespaces: Namespace[];
  volumes: PersistentVolume[];
  claims: PersistentVolumeClaim[];
  services: Service[];
  replicaSets: ReplicaSet[];
  storageClasses: readonly StorageClass[];
  csiNodes: CSINode[];
  csiDrivers: readonly CSIDriver[];
  csiCapacities: CSIStorageCapacity[];
  attachments: VolumeAttachment[];
  budgets: PodDisruptionBudget[];
  deviceClasses: DeviceClass[];
  deviceClaims: ResourceClaim[];
  slices: ResourceSlice[];
  /** Asked about one by one; without a node. */
  probes: Pod[];
  /** Each happens alone; which of them would wake a probe that no node fits? */
  events: Change[];
  /** KubeSchedulerConfiguration; absent for upstream's default. */
  config?: object;
}

const namespaces = ["a", "b", "c"] as const;

function budget(random: Random, i: number): PodDisruptionBudget {
  const namespace = pick(random, namespaces);
  return {
    metadata: identity(`budget-${i}`, namespace),
    spec: { selector: randomSelector(random) },
    status: {
      disruptionsAllowed: random.int(3),
      currentHealthy: 1,
      desiredHealthy: 1,
      expectedPods: 1,
      ...(chance(random, 0.2) ? { disruptedPods: { p1: "2026-01-01T00:00:00Z" } } : {}),
    },
  } as unknown as PodDisruptionBudget;
}

/** Pods of one node have no port in common: upstream would forget it when one of them goes. */
function withoutSharedPorts(pods: readonly Pod[]): void {
  const taken = new Set<string>();
  for (const { spec } of pods) {
    for (const container of [...spec.containers, ...(spec.initContainers ?? [])]) {
      container.ports = container.ports?.filter(({ hostPort }) => {
        const key = `${spec.nodeName}/${hostPort}`;
        return !taken.has(key) && taken.add(key);
      });
    }
  }
}

/** Some of the containers ask for devices by the name of a resource. */
function wanting(random: Random, pod: Pod): Pod {
  for (const { resources } of [...pod.spec.containers, ...(pod.spec.initContainers ?? [])]) {
    if (!resources?.requests || !chance(random, 0.4)) continue;
    resources.requests[pick(random, [...deviceResources, ...(chance(random, 0.1) ? ["example.com/large"] : [])])] = pick(random, ["1", "1", "2"]);
  }
  return pod;
}

export function randomWorld(random: Random): World {
  const nodes = times(2 + random.int(7), (i) => randomNode(random, `n${i}`));
  const names = nodes.map(({ metadata }) => metadata.name);
  // A full node has few pods, so that evicting some of them is a choice.
  const pods = times(random.int(22), (i) => randomPod(random, `p${i}`, names, chance(random, 0.03) ? "unknown" : pick(random, names)));
  withoutSharedPorts(pods);
  const promised = (pod: Pod): Pod => ({ ...pod, status: { ...pod.status, nominatedNodeName: pick(random, names) } as Pod["status"] });
  const waiting = times(random.int(3), (i) => promised(randomPod(random, `w${i}`, names)));
  const probes = times(8, (i) => randomPod(random, `probe-${i}`, names)).map((pod) => (chance(random, 0.08) ? promised(pod) : pod));
  const withDevices = chance(random, 0.6);
  if (withDevices) for (const pod of [...pods, ...probes]) if (chance(random, pod.spec.nodeName ? 0.1 : 0.5)) wanting(random, pod);
  const slices = withDevices ? randomSlices(random, names) : [];
  const world: World = {
    nodes,
    pods: [...pods, ...waiting],
    namespaces: [
      { metadata: { ...identity("a"), labels: { team: "x" } } },
      { metadata: { ...identity("b"), labels: { team: "y" } } },
      { metadata: identity("c") },
    ] as unknown as Namespace[],
    volumes: randomVolumes(random, names),
    claims: namespaces.flatMap((namespace) => claimsIn(random, namespace, names)),
    services: namespaces
      .filter(() => chance(random, 0.3))
      .map((namespace) => ({ metadata: identity("web", namespace), spec: { selector: { app: pick(random, apps) } } }) as unknown as Service),
    replicaSets: namespaces.flatMap((namespace) =>
      apps.map((app) => ({ metadata: identity(`rs-${app}`, namespace), spec: { replicas: 1, selector: { matchLabels: { app } } } }) as unknown as ReplicaSet),
    ),
    storageClasses,
    csiNodes: names.filter(() => chance(random, 0.6)).map((name) => randomCSINode(random, name)),
    csiDrivers,
    csiCapacities: randomCapacities(random),
    attachments: randomAttachments(random, names),
    budgets: times(random.int(4), (i) => budget(random, i)),
    deviceClasses: withDevices ? randomDeviceClasses(random) : [],
    deviceClaims: randomDeviceClaims(random, slices),
    slices,
    probes,
    events: [],
  };
  // Of a claim made for the pod, and of one that is another's.
  for (const pod of [...pods, ...probes]) {
    if (!pod.spec.volumes?.some(({ ephemeral }) => ephemeral) || chance(random, 0.3)) continue;
    const uid = chance(random, 0.8) ? pod.metadata.uid : "another";
    const [claim] = claimsIn(random, pod.metadata.namespace as string, names).slice(9, 10) as [PersistentVolumeClaim];
    const ownerReferences = [{ apiVersion: "v1", kind: "Pod", name: pod.metadata.name, uid, controller: true }];
    world.claims.push({ ...claim, metadata: { ...claim.metadata, ...identity(`${pod.metadata.name}-own`, pod.metadata.namespace), ownerReferences } });
  }
  world.events = randomChanges(random, world);
  if (chance(random, 0.4)) world.config = randomConfig(random, chance(random, 0.2));
  return world;
}
