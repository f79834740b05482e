/** Job: https://kubernetes.io/docs/concepts/workloads/controllers/job/ */
import { controllerOf } from "../../api/meta/owner.ts";
import { keyOf, splitKey } from "../../api/object.ts";
import { selectorOf } from "../../api/selectors/labels.ts";
import { isNotFound } from "../../api/status.ts";
import type { Job } from "../../api/types/batch-v1.gen.ts";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import { referenceTo } from "../../client/events.ts";
import { Expectations } from "../../client/expectations.ts";
import { jobs as jobResource, pods as podResource } from "../../client/resources.gen.ts";
import type { Controller, ControllerContext } from "../runtime/controller.ts";
import { settleDoubts } from "../runtime/doubts.ts";
import { claim, controlledOrOrphaned, controllerIndex, resolveController } from "../runtime/ownership.ts";
import { isTerminating } from "../runtime/pods.ts";
import { isFinishedJob } from "./finished.ts";
import { jobMeasures } from "./job-measures.ts";
import { hasTrackingFinalizer, trackingFinalizer } from "./job-state.ts";
import { type JobMemory, JobSync } from "./job-sync.ts";

/** Milliseconds for which changes of pods are gathered: each pass writes the status once. */
const batchPeriod = 100;
const ourName = "kubernetes.io/job-controller";
const isOurs = (job: Job): boolean => job.spec.managedBy === undefined || job.spec.managedBy === ourName;

export const job: Controller = {
  name: "job-controller",
  account: "job-controller",
  start(context) {
    const { client, clock, informers, enqueue, events, measures, signal } = context;
    const jobs = informers.informer(jobResource);
    const pods = informers.informer(podResource, { indexes: controllerIndex });
    const memory: JobMemory = { expectations: new Expectations(clock), released: new Map(), backoff: new Map(), written: new Map() };
    const measured = jobMeasures(measures);
    const forget = (key: string): void => {
      memory.expectations.forget(key);
      memory.released.delete(key);
      memory.backoff.delete(key);
      memory.written.delete(key);
    };
    const orphaned = (pod: Pod): void => {
      if (hasTrackingFinalizer(pod)) enqueue(`orphan/${keyOf(pod)}`);
    };

    jobs.onChange((old, object) => {
      const key = keyOf((object ?? old) as Job);
      if (object) enqueue(key);
      else forget(key);
      if (!object || (isFinishedJob(object) && !(old && isFinishedJob(old)))) {
        for (const pod of pods.by("controller", ((object ?? old) as Job).metadata.uid)) orphaned(pod);
      }
    });
    pods.onChange((old, pod) => {
      const either = (pod ?? old) as Pod;
      const owner = resolveController(jobs, jobResource, either);
      const before = old && resolveController(jobs, jobResource, old);
      if (before && before !== owner) enqueue(keyOf(before));
      if (owner) {
        const key = keyOf(owner);
        const { uid } = either.metadata;
        if (!old && !isTerminating(either)) memory.expectations.creationSeen(key);
        if (!pod || isTerminating(pod)) memory.expectations.deletionSeen(key, uid);
        if (!pod || !hasTrackingFinalizer(pod)) memory.released.get(key)?.delete(uid);
        enqueue(key, batchPeriod);
        if (pod && isFinishedJob(owner) && isOurs(owner)) orphaned(pod);
      } else if (pod) {
        orphaned(pod);
        if (controllerOf(pod)) return;
        for (const j of jobs.list(pod.metadata.namespace)) if (selectorOf(j.spec.selector).matches(pod.metadata.labels)) enqueue(keyOf(j));
      }
    });

    return async (key) => {
      if (key.startsWith("orphan/")) {
        const { namespace, name } = splitKey(key.slice("orphan/".length));
        const pod = pods.get(namespace, name);
        if (pod && isAbandoned(pod)) await release(context, pod);
        return;
      }
      const { namespace, name } = splitKey(key);
      const cached = jobs.get(namespace, name);
      if (!cached) {
        forget(key);
        return;
      }
      if (!isOurs(cached)) return;
      if (isFinishedJob(cached)) {
        forget(key);
        return;
      }
      if (memory.written.has(key) && memory.written.get(key) === undefined) {
        const { resourceVersion } = (await client.resource(jobResource).get(namespace, name, { signal })).metadata;
        memory.written.set(key, resourceVersion);
      }
      const last = memory.written.get(key);
      if (last !== undefined && BigInt(cached.metadata.resourceVersion) < BigInt(last)) return { retry: true };
      if (cached.spec.completionMode !== undefined && !["NonIndexed", "Indexed"].includes(cached.spec.completionMode)) {
        events.event(referenceTo(jobResource, cached), "Warning", "UnknownCompletionMode", "Skipped Job sync because completion mode is unknown");
        return;
      }
      const began = clock.monotonic();
      const selector = selectorOf(cached.spec.selector);
      await settleDoubts(context, memory.expectations, cached, selector, pods);
      const upToDate = memory.expectations.satisfied(key);
      const owned = await claim(context, {
        owner: cached,
        ownerResource: jobResource,
        resource: podResource,
        selector,
        candidates: controlledOrOrphaned(pods, cached),
        finalizers: [trackingFinalizer],
      });
      const sync = new JobSync(context, memory, measured, cached, owned);
      let succeeded = false;
      try {
        const outcome = await sync.run(upToDate);
        succeeded = true;
        return outcome;
      } finally {
        measured.synced(cached, succeeded, sync.action, (clock.monotonic() - began) / 1000);
      }
    };

    /** No unfinished Job of ours will count it. */
    function isAbandoned(pod: Pod): boolean {
      const ref = controllerOf(pod);
      if (ref && (ref.kind !== "Job" || ref.apiVersion !== "batch/v1")) return false;
      const owner = resolveController(jobs, jobResource, pod);
      return !owner || (isOurs(owner) && isFinishedJob(owner));
    }
  },
};

async function release({ client, signal }: ControllerContext, pod: Pod): Promise<void> {
  if (!hasTrackingFinalizer(pod)) return;
  const { namespace = "", name, uid } = pod.metadata;
  const patch = { metadata: { uid, "$deleteFromPrimitiveList/finalizers": [trackingFinalizer] } };
  await client
    .resource(podResource)
    .patch(namespace, name, "strategic", patch, { signal })
    .catch((error) => {
      if (!isNotFound(error)) throw error;
    });
}
