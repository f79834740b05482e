/** Deletes finished Jobs after their ttlSecondsAfterFinished: https://kubernetes.io/docs/concepts/workloads/controllers/ttlafterfinished/ */
import { keyOf, splitKey } from "../../api/object.ts";
import { isNotFound } from "../../api/status.ts";
import { jobs as jobResource } from "../../client/resources.gen.ts";
import type { Controller } from "../runtime/controller.ts";
import { exponential } from "../runtime/measures.ts";
import { expiry } from "./finished.ts";

export const ttlAfterFinished: Controller = {
  name: "ttl-after-finished-controller",
  account: "ttl-after-finished-controller",
  start({ client, clock, informers, enqueue, measures, signal }) {
    const jobs = informers.informer(jobResource);
    const api = client.resource(jobResource);
    const late = measures.histogram(
      "ttl_after_finished_controller_job_deletion_duration_seconds",
      "[ALPHA] The time it took to delete the job since it became eligible for deletion",
      exponential(0.1, 2, 14),
    );
    jobs.onChange((_, job) => {
      if (job && !job.metadata.deletionTimestamp && expiry(job) !== undefined) enqueue(keyOf(job));
    });
    return async (key) => {
      const { namespace, name } = splitKey(key);
      const cached = jobs.get(namespace, name);
      const at = cached && !cached.metadata.deletionTimestamp ? expiry(cached) : undefined;
      if (at === undefined) return;
      if (at > clock.now()) return { requeueAfter: at - clock.now() };
      try {
        // The TTL may have been changed a moment ago.
        const fresh = await api.get(namespace, name, { signal });
        const still = fresh.metadata.deletionTimestamp ? undefined : expiry(fresh);
        if (still === undefined) return;
        if (still > clock.now()) return { requeueAfter: still - clock.now() };
        const { uid, resourceVersion } = fresh.metadata;
        await api.delete(namespace, name, { propagationPolicy: "Foreground", preconditions: { uid, resourceVersion }, signal });
        late.observe((clock.now() - still) / 1000);
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    };
  },
};
