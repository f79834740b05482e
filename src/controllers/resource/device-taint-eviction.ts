/** Deletes pods whose devices have NoExecute taints that they do not tolerate, or no longer (KEP-5055, pkg/controller/devicetainteviction). */
import { keyOf, splitKey } from "../../api/object.ts";
import { isNotFound } from "../../api/status.ts";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import type { ResourceClaim, ResourceSlice } from "../../api/types/resource-v1.gen.ts";
import { pods as podResource, resourceclaims, resourceslices } from "../../client/resources.gen.ts";
import { podDeletions } from "../node/pod-deletions.ts";
import type { Controller } from "../runtime/controller.ts";
import { disruptPod } from "../runtime/pod-control.ts";
import { type Devices, podDeadline } from "./device-taints.ts";

const byPool = "pool";
const poolOf = (driver: string, pool: string): string => `${driver}/${pool}`;

export const deviceTaintEviction: Controller = {
  name: "device-taint-eviction-controller",
  account: "device-taint-eviction-controller",
  workers: 8,
  start(context) {
    const { clock, informers, enqueue, events, measures } = context;
    const between = "a device taint effect has been activated and a Pod's";
    const deletions = podDeletions(measures, "device_taint_eviction_controller", "DeviceTaintEvictionController", between);
    const pods = informers.informer(podResource);
    const claims = informers.informer(resourceclaims, {
      indexes: {
        [byPool]: (claim: ResourceClaim) => [...new Set((claim.status?.allocation?.devices?.results ?? []).map(({ driver, pool }) => poolOf(driver, pool)))],
      },
    });
    const slices = informers.informer(resourceslices, {
      indexes: { [byPool]: (slice: ResourceSlice) => [poolOf(slice.spec.driver, slice.spec.pool.name)] },
    });
    const devices: Devices = {
      claim: (namespace, name) => claims.get(namespace, name),
      slices: (driver, pool) => slices.by(byPool, poolOf(driver, pool)),
    };
    /** By pod, the uid of whom is to go. */
    const marked = new Map<string, string>();
    const about = ({ metadata: { namespace, name, uid } }: Pod) => ({ kind: "Pod", apiVersion: "v1", namespace, name, uid });
    const consumers = ({ metadata, status }: ResourceClaim): void => {
      for (const { resource, apiGroup, name } of status?.reservedFor ?? []) if (!apiGroup && resource === "pods") enqueue(`${metadata.namespace}/${name}`);
    };

    pods.onChange((old, pod) => {
      if (!pod) marked.delete(keyOf(old as Pod));
      else if (
        pod.spec.resourceClaims?.length &&
        (pod.spec.nodeName !== old?.spec.nodeName || pod.status?.resourceClaimStatuses !== old?.status?.resourceClaimStatuses)
      )
        enqueue(keyOf(pod));
    });
    claims.onChange((old, claim) => {
      if (old) consumers(old);
      if (claim) consumers(claim);
    });
    slices.onChange((old, slice) => {
      const { driver, pool } = ((slice ?? old) as ResourceSlice).spec;
      for (const claim of claims.by(byPool, poolOf(driver, pool.name))) consumers(claim);
    });

    return async (key) => {
      const { namespace, name } = splitKey(key);
      const pod = pods.get(namespace, name);
      if (!pod) return;
      const { uid, deletionTimestamp } = pod.metadata;
      const deadline = podDeadline(pod, devices);
      if (deadline === undefined) {
        if (marked.get(key) === uid) events.event(about(pod), "Normal", "DeviceTaintManagerEviction", "Cancelling deletion");
        marked.delete(key);
        return;
      }
      marked.set(key, uid);
      const left = deadline - clock.now();
      if (left > 0) return { requeueAfter: left };
      marked.delete(key);
      if (deletionTimestamp) return;
      events.event(about(pod), "Normal", "DeviceTaintManagerEviction", "Marking for deletion");
      try {
        await disruptPod(context, pod, { reason: "DeletionByDeviceTaintManager", message: "Device Taint manager: deleting due to NoExecute taint" });
        deletions((clock.now() - deadline) / 1000);
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    };
  },
};
