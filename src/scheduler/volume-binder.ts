/** Carries volume plans out (pkg/scheduler/framework/plugins/volumebinding/binder.go). */
import { type KubeObject, keyOf } from "../api/object.ts";
import type { PersistentVolume, PersistentVolumeClaim, Pod } from "../api/types/core-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import type { Client } from "../client/client.ts";
import type { Informer } from "../client/informer.ts";
import { persistentvolumeclaims, persistentvolumes } from "../client/resources.gen.ts";
import type { VolumeBinder, VolumePlan } from "./framework/volume-plan.ts";
import { isBound } from "./plugins/pod-claims.ts";

const pollPeriod = 1000;
const boundByController = "pv.kubernetes.io/bound-by-controller";
const selectedNode = "volume.kubernetes.io/selected-node";

/** Objects as they will be once our own writes are seen; an assumption ends with the next version from the server. */
export class Assumptions<T extends KubeObject> {
  readonly #informer: Informer<T>;
  readonly #assumed = new Map<string, T>();
  constructor(informer: Informer<T>) {
    this.#informer = informer;
  }
  current(object: T): T {
    if (this.#assumed.size === 0) return object;
    const key = keyOf(object);
    const assumed = this.#assumed.get(key);
    if (assumed?.metadata.uid === object.metadata.uid && assumed.metadata.resourceVersion === object.metadata.resourceVersion) return assumed;
    this.#assumed.delete(key);
    return object;
  }
  get(namespace: string, name: string): T | undefined {
    const object = this.#informer.get(namespace, name);
    return object && this.current(object);
  }
  list(): T[] {
    return this.#informer.list().map((object) => this.current(object));
  }
  assume(object: T): void {
    this.#assumed.set(keyOf(object), object);
  }
  forget(object: T): void {
    const key = keyOf(object);
    if (this.#assumed.get(key) === object) this.#assumed.delete(key);
  }
}

function bindTo(volume: PersistentVolume, { metadata: { name, namespace, uid, resourceVersion } }: PersistentVolumeClaim): PersistentVolume {
  const { claimRef } = volume.spec;
  const isOurs = claimRef?.name === name && claimRef.namespace === namespace;
  const annotations = isOurs ? volume.metadata.annotations : { ...volume.metadata.annotations, [boundByController]: "yes" };
  return {
    ...volume,
    metadata: { ...volume.metadata, annotations },
    spec: { ...volume.spec, claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", name, namespace, uid, resourceVersion } },
  };
}

export function createVolumeBinder(options: {
  client: Client;
  clock: Clock;
  volumes: Assumptions<PersistentVolume>;
  claims: Assumptions<PersistentVolumeClaim>;
  informers: { volumes: Informer<PersistentVolume>; claims: Informer<PersistentVolumeClaim>; podExists(pod: Pod): boolean };
}): VolumeBinder {
  const { client, clock, volumes, claims, informers } = options;

  /** Throws when the plan cannot succeed any more. */
  const isDone = (pod: Pod, { node, bindings, provision }: VolumePlan): boolean => {
    if (!informers.podExists(pod)) throw new Error("binding volumes: pod does not exist any more");
    for (const { volume, claim } of bindings) {
      const seen = informers.volumes.get("", volume.metadata.name);
      const bound = informers.claims.get(claim.metadata.namespace ?? "", claim.metadata.name);
      if (!seen || !bound) throw new Error(`binding volumes: failed to check binding: ${JSON.stringify(volume.metadata.name)} not found`);
      if (seen.metadata.resourceVersion === volume.metadata.resourceVersion) return false;
      if (!isBound(bound)) return false;
    }
    for (const claim of provision) {
      const seen = informers.claims.get(claim.metadata.namespace ?? "", claim.metadata.name);
      if (!seen) throw new Error(`binding volumes: failed to check provisioning pvc: ${JSON.stringify(claim.metadata.name)} not found`);
      if (seen.metadata.resourceVersion === claim.metadata.resourceVersion) return false;
      if (seen.metadata.annotations?.[selectedNode] !== node) {
        throw new Error(`binding volumes: provisioning failed for PVC ${JSON.stringify(claim.metadata.name)}`);
      }
      if (!isBound(seen)) return false;
    }
    return true;
  };

  return {
    assume({ node, bindings, provision }) {
      const assumed: VolumePlan = {
        node,
        bindings: bindings.map(({ volume, claim }) => ({ volume: bindTo(volume, claim), claim })),
        provision: provision.map((claim) => ({
          ...claim,
          metadata: { ...claim.metadata, annotations: { ...claim.metadata.annotations, [selectedNode]: node } },
        })),
      };
      for (const { volume } of assumed.bindings) volumes.assume(volume);
      for (const claim of assumed.provision) claims.assume(claim);
      return assumed;
    },
    forget({ bindings, provision }) {
      for (const { volume } of bindings) volumes.forget(volume);
      for (const claim of provision) claims.forget(claim);
    },
    async bind(pod, plan, timeout, signal) {
      for (const { volume } of plan.bindings) await client.resource(persistentvolumes).update(volume, { signal });
      for (const claim of plan.provision) await client.resource(persistentvolumeclaims).update(claim, { signal });
      const end = clock.monotonic() + timeout;
      while (!isDone(pod, plan)) {
        if (clock.monotonic() >= end) throw new Error("binding volumes: context deadline exceeded");
        await clock.sleep(pollPeriod, signal);
      }
    },
  };
}
