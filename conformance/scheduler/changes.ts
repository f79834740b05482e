/** Things that may happen to a random world, each of which may or may not help a pod that waits. */
import type { KubeObject } from "../../src/api/object.ts";
import type { Node, Pod } from "../../src/api/types/core-v1.gen.ts";
import type { DeviceClass, ResourceSlice } from "../../src/api/types/resource-v1.gen.ts";
import type { CSINode, CSIStorageCapacity, StorageClass } from "../../src/api/types/storage-v1.gen.ts";
import type { Random } from "../../src/base/random.ts";
import { randomCSINode, randomNode } from "./nodes.ts";
import { chance, pick } from "./pick.ts";
import { randomPod } from "./pods.ts";
import type { World } from "./world.ts";

export interface Change {
  /** Kind of the object. */
  resource: string;
  /** Absent: it was added. */
  old?: KubeObject;
  /** Absent: it was deleted. */
  new?: KubeObject;
}

const renamed = <T extends KubeObject>(object: T, name: string): T => ({ ...object, metadata: { ...object.metadata, name, uid: `uid-${name}` } });
const newer = <T extends KubeObject>(object: T, more: Partial<KubeObject["metadata"]> = {}): T => ({
  ...object,
  metadata: { ...object.metadata, resourceVersion: "2", ...more },
});

function nodeChanges(random: Random, nodes: readonly Node[]): Change[] {
  const old = pick(random, nodes);
  const fresh = randomNode(random, old.metadata.name);
  const updates: Node[] = [
    newer(old, { labels: fresh.metadata.labels }),
    newer({ ...old, spec: fresh.spec }),
    newer({ ...old, status: { ...old.status, allocatable: fresh.status?.allocatable } as Node["status"] }),
    newer(old, { annotations: { note: "x" } }),
    newer({ ...old, status: { ...old.status, conditions: [{ type: "Ready", status: "False" }] } as unknown as Node["status"] }),
    newer(fresh),
  ];
  return [
    { resource: "Node", new: randomNode(random, "new") },
    { resource: "Node", old },
    { resource: "Node", old, new: pick(random, updates) },
    { resource: "Node", old, new: pick(random, updates) },
  ];
}

function podChanges(random: Random, { pods, probes, nodes }: World): Change[] {
  const names = nodes.map(({ metadata }) => metadata.name);
  const placed = pods.filter(({ spec }) => spec.nodeName);
  const another = (pod: Pod): Pod => {
    const other = randomPod(random, pod.metadata.name, names, pod.spec.nodeName);
    const { labels } = other.metadata;
    if (chance(random, 0.4)) return newer(pod, { labels });
    if (chance(random, 0.5)) return newer({ ...pod, spec: { ...pod.spec, tolerations: [...(pod.spec.tolerations ?? []), { operator: "Exists" as const }] } });
    const smaller = pod.spec.containers.map((container) => ({ ...container, resources: { requests: { cpu: "50m" } } }));
    return newer({ ...pod, spec: { ...pod.spec, containers: smaller } });
  };
  const probe = pick(random, probes);
  const changes: Change[] = [
    { resource: "Pod", new: randomPod(random, "new-pod", names, pick(random, names)) },
    { resource: "Pod", old: probe, new: another(probe) },
  ];
  if (!placed.length) return changes;
  const [first, second] = [pick(random, placed), pick(random, placed)];
  return [...changes, { resource: "Pod", old: first }, { resource: "Pod", old: second, new: another(second) }];
}

export function randomChanges(random: Random, world: World): Change[] {
  const changes = [...nodeChanges(random, world.nodes), ...podChanges(random, world)];
  const both = <T extends KubeObject>(resource: string, list: readonly T[], change: (object: T) => T): void => {
    if (!list.length) return;
    const old = pick(random, list);
    changes.push({ resource, old, new: newer(change(old)) });
    changes.push(chance(random, 0.5) ? { resource, new: renamed(old, chance(random, 0.5) ? old.metadata.name : "new") } : { resource, old });
  };
  const labelled = <T extends KubeObject>(object: T): T => ({
    ...object,
    metadata: { ...object.metadata, labels: { ...object.metadata.labels, team: pick(random, ["x", "y"]) } },
  });
  both("PersistentVolumeClaim", world.claims, labelled);
  both("PersistentVolume", world.volumes, (volume) =>
    chance(random, 0.5) ? labelled(volume) : { ...volume, status: { phase: "Available" } as typeof volume.status },
  );
  both<StorageClass>("StorageClass", world.storageClasses, (one) => (chance(random, 0.5) ? one : { ...one, allowedTopologies: [] }));
  both<CSINode>("CSINode", world.csiNodes, (node) => ({ ...node, spec: randomCSINode(random, node.metadata.name).spec }));
  both("CSIDriver", world.csiDrivers, (driver) => ({ ...driver, spec: { ...driver.spec, storageCapacity: chance(random, 0.5) } }));
  both<CSIStorageCapacity>("CSIStorageCapacity", world.csiCapacities, (one) => ({ ...one, capacity: pick(random, ["100Mi", "50Gi"]) }));
  both<DeviceClass>("DeviceClass", world.deviceClasses, (one) =>
    chance(random, 0.5) ? labelled(one) : { ...one, spec: { extendedResourceName: pick(random, ["example.com/gpu", "example.com/dev", "example.com/new"]) } },
  );
  both<ResourceSlice>("ResourceSlice", world.slices, (one) => ({ ...one, spec: { ...one.spec, devices: [] } }));
  const [claim] = world.deviceClaims;
  if (claim) changes.push({ resource: "ResourceClaim", new: claim }, { resource: "ResourceClaim", old: claim, new: newer({ ...claim, status: {} }) });
  both("VolumeAttachment", world.attachments, (one) => one);
  both("Namespace", world.namespaces, (namespace) => (chance(random, 0.5) ? labelled(namespace) : namespace));
  return changes;
}
