/** A claim that a pod uses is not deleted (pkg/controller/volume/pvcprotection). */
import { keyOf, splitKey } from "../../api/object.ts";
import { persistentvolumeclaims, pods } from "../../client/resources.gen.ts";
import { isFinished } from "../runtime/pods.ts";
import type { Controller } from "../runtime/controller.ts";
import { guarded, isGuardDue } from "./guard.ts";
import { byClaim, claimIndex, claimNames, keepsClaim } from "./pods-of-claim.ts";

const finalizer = "kubernetes.io/pvc-protection";

export const persistentVolumeClaimProtection: Controller = {
  name: "persistentvolumeclaim-protection-controller",
  account: "pvc-protection-controller",
  workers: 1,
  start({ client, informers, enqueue, signal }) {
    const claims = informers.informer(persistentvolumeclaims);
    const users = informers.informer(pods, { indexes: claimIndex });
    claims.onChange((_, claim) => {
      if (claim && isGuardDue(claim, finalizer)) enqueue(keyOf(claim));
    });
    users.onChange((old, pod) => {
      const free = !pod || isFinished(pod) || !pod.spec.nodeName || pod.metadata.uid !== old?.metadata.uid;
      const changed = pod ?? old;
      if (changed && free) for (const name of claimNames(changed)) enqueue(`${changed.metadata.namespace}/${name}`);
    });
    return async (key) => {
      const { namespace, name } = splitKey(key);
      const claim = claims.get(namespace, name);
      if (!claim || !isGuardDue(claim, finalizer)) return;
      if (claim.metadata.deletionTimestamp) {
        if (users.by(byClaim, key).some((pod) => keepsClaim(pod, claim))) return;
        // The cache may be behind, and what is lost is lost.
        const { items } = await client.resource(pods).list({ namespace, signal });
        if (items.some((pod) => keepsClaim(pod, claim))) return;
      }
      await client.resource(persistentvolumeclaims).update(guarded(claim, finalizer), { signal });
    };
  },
};
