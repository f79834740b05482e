/** Carries allocations of devices out (pkg/scheduler/framework/plugins/dynamicresources, dra_manager.go and bindClaim). */
import { keyOf } from "../api/object.ts";
import { classesByResource } from "../api/resource/extended-resource.ts";
import { isReservedFor } from "../api/resource/pod-claims.ts";
import { formatTime } from "../api/time.ts";
import type { Pod } from "../api/types/core-v1.gen.ts";
import type { AllocationResult, DeviceClass, ResourceClaim, ResourceSlice } from "../api/types/resource-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Random } from "../base/random.ts";
import type { Client } from "../client/client.ts";
import type { Informer } from "../client/informer.ts";
import { resourceclaims } from "../client/resources.gen.ts";
import { retryOnConflict } from "../client/retry.ts";
import { AllocationTimeout } from "./devices/allocator.ts";
import { devicesInUse } from "./devices/in-use.ts";
import { deleteProtection, ExtendedClaims } from "./extended-claims.ts";
import type { DeviceBinder, DevicePlan } from "./framework/device-plan.ts";

const pollPeriod = 5000;

export interface DeviceBinderOptions {
  client: Client;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** That of the claims has the index `byPodBehind`. */
  informers: { claims: Informer<ResourceClaim>; classes: Informer<DeviceClass>; slices: Informer<ResourceSlice> };
  /** The server has been asked for a claim for extended resources. */
  asked(result: "success" | "failure"): void;
}

const isOlder = (a: ResourceClaim, b: ResourceClaim): boolean => BigInt(a.metadata.resourceVersion ?? 0) < BigInt(b.metadata.resourceVersion ?? 0);

export function createDeviceBinder({ client, clock, random, logger, informers, asked }: DeviceBinderOptions): DeviceBinder {
  const api = client.resource(resourceclaims);
  const extended = new ExtendedClaims({ client, clock, claims: informers.claims, asked });
  /** What was made for claims that were only in memory. */
  const made = new WeakMap<ResourceClaim, ResourceClaim>();
  let behind: ReadonlyMap<string, DeviceClass> | undefined;
  informers.classes.onChange(() => {
    behind = undefined;
  });
  /** As the server has answered to writes that the informer has not seen yet. */
  const written = new Map<string, ResourceClaim>();
  /** By the claims' uids: decided on, and being written. */
  const pending = new Map<string, AllocationResult>();
  informers.claims.onChange((old, claim) => {
    if (!claim) return void written.delete(keyOf(old as ResourceClaim));
    const ours = written.get(keyOf(claim));
    if (ours && !isOlder(claim, ours)) written.delete(keyOf(claim));
  });

  const current = (claim: ResourceClaim): ResourceClaim => {
    const ours = written.size ? written.get(keyOf(claim)) : undefined;
    if (!ours) return claim;
    if (ours.metadata.uid === claim.metadata.uid && isOlder(claim, ours)) return ours;
    written.delete(keyOf(claim));
    return claim;
  };
  const allocations = function* (): Generator<AllocationResult> {
    for (const claim of informers.claims.list()) {
      const { allocation } = current(claim).status ?? {};
      if (allocation) yield allocation;
    }
    yield* pending.values();
  };

  /** `claim` as it will be once the pod may use it. */
  const bindOne = async (pod: Pod, { claim, allocation }: DevicePlan, signal: AbortSignal): Promise<ResourceClaim> => {
    const { namespace = "", name } = claim.metadata;
    const where = `claim ${namespace}/${name}`;
    let latest: ResourceClaim | undefined = claim;
    const done = await retryOnConflict(
      clock,
      async () => {
        let known = latest ?? (await api.get(namespace, name, { signal }));
        latest = undefined;
        if (known.metadata.deletionTimestamp) throw new Error(`${where} got deleted in the meantime`);
        if (allocation) {
          if (known.status?.allocation) throw new Error(`${where} got allocated elsewhere in the meantime`);
          const { finalizers = [] } = known.metadata;
          if (!finalizers.includes(deleteProtection))
            known = await api.update({ ...known, metadata: { ...known.metadata, finalizers: [...finalizers, deleteProtection] } }, { signal });
        }
        const given = allocation ?? known.status?.allocation;
        if (!given) throw new Error(`${where} got deallocated elsewhere in the meantime`);
        const consumer = { resource: "pods", name: pod.metadata.name, uid: pod.metadata.uid };
        const reservedFor = [...(known.status?.reservedFor ?? []), consumer];
        const stamped = { ...given, allocationTimestamp: given.allocationTimestamp ?? formatTime(clock.now()) };
        return await api.updateStatus({ ...known, status: { ...known.status, allocation: stamped, reservedFor } }, { signal });
      },
      { signal },
    );
    written.set(keyOf(done), done);
    return done;
  };

  const bindExtended = async (pod: Pod, { claim, allocation, mappings = [] }: DevicePlan, signal: AbortSignal): Promise<ResourceClaim> => {
    const { namespace, name } = pod.metadata;
    if (!mappings.length) throw new Error(`nil or empty request mappings, no update of pod ${namespace}/${name} ExtendedResourceClaimStatus`);
    const fresh = await extended.make(claim, signal);
    made.set(claim, fresh);
    const bound = await bindOne(pod, { claim: fresh, allocation }, signal);
    made.set(claim, bound);
    await extended.tell(pod, bound, mappings, signal);
    await extended.seen(bound, signal);
    return bound;
  };
  const bindPlan = (pod: Pod, plan: DevicePlan, signal: AbortSignal): Promise<ResourceClaim> => {
    if (plan.mappings) return bindExtended(pod, plan, signal);
    return isReservedFor(plan.claim, pod) ? Promise.resolve(plan.claim) : bindOne(pod, plan, signal);
  };
  const giveUp = (claim: ResourceClaim): void => {
    const fresh = made.get(claim);
    if (!fresh) return;
    extended.remove(fresh).catch((error) => logger.warn("a claim for extended resources stays", { claim: keyOf(fresh), error }));
  };

  return {
    claim(namespace, name) {
      const claim = informers.claims.get(namespace, name);
      return claim && current(claim);
    },
    deviceClass: (name) => informers.classes.get("", name),
    classBehind(resource) {
      behind ??= classesByResource(informers.classes.list());
      return behind.get(resource);
    },
    extendedClaim: (pod) => extended.of(pod),
    slices: () => informers.slices.list(),
    inUse: () => devicesInUse(allocations()),
    isPending: ({ metadata }) => pending.has(metadata.uid),
    now: () => clock.now(),
    uuid: () => random.uuid(),
    timer(ms) {
      const end = clock.monotonic() + ms;
      return () => {
        if (clock.monotonic() > end) throw new AllocationTimeout();
      };
    },
    reserve(plans) {
      for (const { claim, allocation } of plans) if (allocation) pending.set(claim.metadata.uid, allocation);
    },
    unreserve(pod, plans) {
      for (const { claim, allocation, mappings } of plans) {
        if (allocation) pending.delete(claim.metadata.uid);
        if (mappings) {
          giveUp(claim);
          continue;
        }
        const { namespace = "", name, uid } = claim.metadata;
        const known = written.get(keyOf(claim)) ?? informers.claims.get(namespace, name) ?? claim;
        if (known.metadata.uid !== uid || !known.status?.allocation || !isReservedFor(known, pod)) continue;
        const patch = { metadata: { uid }, status: { reservedFor: [{ $patch: "delete", uid: pod.metadata.uid }] } };
        api.patch(namespace, name, "strategic", patch, { subresource: "status" }).then(
          (answer) => written.set(keyOf(answer), answer),
          (error) => logger.warn("a claim stays reserved", { claim: keyOf(claim), error }),
        );
      }
    },
    async bind(pod, plans, signal) {
      const bound: ResourceClaim[] = [];
      for (const plan of plans) {
        bound.push(await bindPlan(pod, plan, signal));
        if (plan.allocation) pending.delete(plan.claim.metadata.uid);
      }
      return bound;
    },
    async wait(done, timeout, signal) {
      const end = clock.monotonic() + timeout;
      while (!done()) {
        if (clock.monotonic() >= end) throw new Error("device binding timeout: context deadline exceeded");
        await clock.sleep(pollPeriod, signal);
      }
    },
    remove: (claim, signal) => extended.remove(claim, signal),
    async deallocate(claim, signal) {
      const { allocation: _, reservedFor: __, devices: ___, ...status } = claim.status;
      await api.updateStatus({ ...claim, status }, { signal });
    },
  };
}
