/** Deployment: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/ */
import { keyOf, splitKey } from "../../api/object.ts";
import { selectorOf } from "../../api/selectors/labels.ts";
import type { Deployment, ReplicaSet } from "../../api/types/apps-v1.gen.ts";
import { referenceTo } from "../../client/events.ts";
import type { Informer } from "../../client/informer.ts";
import { deployments, pods as podResource, replicasets } from "../../client/resources.gen.ts";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import type { Controller, Outcome } from "../runtime/controller.ts";
import { byController, claim, controlledOrOrphaned, controllerIndex, resolveController } from "../runtime/ownership.ts";
import { isFinished } from "../runtime/pods.ts";
import { active, annotatedCount, desiredReplicasAnnotation, newSetSize, shrinkOldSets, totalActual, totalWanted, wantedOf } from "./deployment-replicas.ts";
import { isComplete } from "./deployment-status.ts";
import { DeploymentSync } from "./deployment-sync.ts";

export const deployment: Controller = {
  name: "deployment-controller",
  account: "deployment-controller",
  start(context) {
    const { informers, enqueue } = context;
    const all = informers.informer(deployments, { indexes: controllerIndex });
    const sets = informers.informer(replicasets, { indexes: controllerIndex });
    const pods = informers.informer(podResource, { indexes: controllerIndex });

    all.onChange((old, d) => {
      const changed = d ?? old;
      if (changed) enqueue(keyOf(changed));
    });
    sets.onChange((old, set) => {
      const before = old && resolveController(all, deployments, old);
      const after = set && resolveController(all, deployments, set);
      if (before) enqueue(keyOf(before));
      if (after) enqueue(keyOf(after));
      if (!set || before || after) return;
      for (const d of all.list(set.metadata.namespace)) {
        const selector = selectorOf(d.spec.selector);
        if (!selector.empty && selector.matches(set.metadata.labels)) enqueue(keyOf(d));
      }
    });
    // A Recreate rollout waits for the last old pod to be gone.
    pods.onChange((old, pod) => {
      if (!old || pod) return;
      const set = resolveController(sets, replicasets, old);
      const d = set && resolveController(all, deployments, set);
      if (d?.spec.strategy?.type === "Recreate") enqueue(keyOf(d));
    });

    return async (key): Promise<Outcome> => {
      const { namespace, name } = splitKey(key);
      const d = all.get(namespace, name);
      if (!d) return undefined;
      if (selectorOf(d.spec.selector).empty) {
        context.events.event(
          referenceTo(deployments, d),
          "Warning",
          "SelectingAll",
          "This deployment is selecting all pods. A non-empty selector is required.",
        );
        return undefined;
      }
      const candidates = controlledOrOrphaned(sets, d);
      const selector = selectorOf(d.spec.selector);
      const owned = await claim(context, { owner: d, ownerResource: deployments, resource: replicasets, selector, candidates });
      const sync = new DeploymentSync(context, d, owned);
      if (d.metadata.deletionTimestamp) {
        await sync.writeCounts(await sync.sets(false));
        return undefined;
      }
      await sync.markPaused();
      if (d.spec.paused || (await isScaled(sync))) {
        await sync.scaleAll();
        return undefined;
      }
      const wait = d.spec.strategy?.type === "Recreate" ? await recreate(sync, owned, pods) : await roll(sync);
      return wait === undefined ? undefined : { requeueAfter: wait };
    };
  },
};

/** spec.replicas has changed since the sets were last sized. */
async function isScaled(sync: DeploymentSync): Promise<boolean> {
  const { newSet, oldSets } = await sync.sets(false);
  return active(newSet ? [...oldSets, newSet] : oldSets).some((set) => {
    const desired = annotatedCount(set, desiredReplicasAnnotation);
    return desired !== undefined && desired !== wantedOf(sync.d);
  });
}

async function roll(sync: DeploymentSync): Promise<number | undefined> {
  const sets = await sync.sets(true);
  const newSet = sets.newSet as ReplicaSet;
  const size = wantedOf(newSet) > wantedOf(sync.d) ? wantedOf(sync.d) : newSetSize(sync.d, wantedOf(newSet), totalWanted([...sets.oldSets, newSet]));
  if (await sync.scale(newSet, size)) return await sync.writeRollout(sets);
  const shrinking = shrinkOldSets(sync.d, newSet, active(sets.oldSets));
  for (const { set, replicas } of shrinking) await sync.scale(set, replicas);
  if (shrinking.length === 0 && isComplete(sync.d, sync.d.status)) await sync.cleanUp(sets.oldSets);
  return await sync.writeRollout(sets);
}

async function recreate(sync: DeploymentSync, owned: readonly ReplicaSet[], pods: Informer<Pod>): Promise<number | undefined> {
  let sets = await sync.sets(false);
  let scaledDown = false;
  for (const set of active(sets.oldSets)) scaledDown = (await sync.scale(set, 0)) !== undefined || scaledDown;
  if (scaledDown || isOldRunning(sets.newSet, sets.oldSets, owned, pods)) return await sync.writeRollout(sets);
  if (!sets.newSet) sets = await sync.sets(true);
  await sync.scale(sets.newSet as ReplicaSet, wantedOf(sync.d as Deployment));
  if (isComplete(sync.d, sync.d.status)) await sync.cleanUp(sets.oldSets);
  return await sync.writeRollout(sets);
}

function isOldRunning(newSet: ReplicaSet | undefined, oldSets: readonly ReplicaSet[], owned: readonly ReplicaSet[], pods: Informer<Pod>): boolean {
  if (totalActual(oldSets) > 0) return true;
  return owned.some((set) => set.metadata.uid !== newSet?.metadata.uid && pods.by(byController, set.metadata.uid).some((pod) => !isFinished(pod)));
}
