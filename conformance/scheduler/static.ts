/** Our scheduler over a world that stands still: informers without a server. */
import type { KubeObject } from "../../src/api/object.ts";
import { systemClock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { seededRandom } from "../../src/base/random.ts";
import type { Client, Resource } from "../../src/client/client.ts";
import type { InformerFactory } from "../../src/client/factory.ts";
import type { ChangeHandler, Informer } from "../../src/client/informer.ts";
import type { SchedulerConfig } from "../../src/scheduler/config.ts";
import { createScheduler, type Scheduler } from "../../src/scheduler/scheduler.ts";
import type { World } from "./world.ts";

function informerOver<T extends KubeObject>(objects: readonly T[], indexes: Record<string, (object: T) => readonly string[]> = {}): Informer<T> {
  return {
    get: (namespace, name) => objects.find(({ metadata }) => metadata.name === name && (metadata.namespace ?? "") === namespace),
    list: (namespace) => objects.filter(({ metadata }) => !namespace || metadata.namespace === namespace),
    by: (index, value) => objects.filter((object) => indexes[index]?.(object).includes(value)),
    onChange(handler: ChangeHandler<T>) {
      for (const object of objects) handler(undefined, object);
    },
    hasSynced: true,
    synced: () => Promise.resolve(),
    resourceVersion: "1",
  };
}

/** Nothing is asked of the server by deciding. */
const client = { resource: () => ({}) } as unknown as Client;

export function schedulerOf(world: World, config: SchedulerConfig): Scheduler {
  const objects: Record<string, readonly KubeObject[]> = {
    nodes: world.nodes,
    pods: [...world.pods, ...world.probes],
    namespaces: world.namespaces,
    persistentvolumes: world.volumes,
    persistentvolumeclaims: world.claims,
    services: world.services,
    replicasets: world.replicaSets,
    storageclasses: world.storageClasses,
    csinodes: world.csiNodes,
    csidrivers: world.csiDrivers,
    csistoragecapacities: world.csiCapacities,
    volumeattachments: world.attachments,
    poddisruptionbudgets: world.budgets,
    deviceclasses: world.deviceClasses,
    resourceclaims: world.deviceClaims,
    resourceslices: world.slices,
  };
  const informers = {
    informer: <T extends KubeObject>({ resource }: Resource<T>, options?: { indexes?: Record<string, (object: T) => readonly string[]> }) =>
      informerOver((objects[resource] ?? []) as readonly T[], options?.indexes),
  } as unknown as InformerFactory;
  return createScheduler({ client, informers, clock: systemClock, random: seededRandom(1), logger: silentLogger, config });
}
