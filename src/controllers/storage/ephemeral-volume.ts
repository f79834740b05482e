/** Makes the claims of generic ephemeral volumes, owned by their pods (pkg/controller/volume/ephemeral). */
import { isControlledBy } from "../../api/meta/owner.ts";
import { keyOf, splitKey } from "../../api/object.ts";
import type { PersistentVolumeClaim, Pod } from "../../api/types/core-v1.gen.ts";
import { referenceTo } from "../../client/events.ts";
import { persistentvolumeclaims, pods as podResource } from "../../client/resources.gen.ts";
import type { Controller } from "../runtime/controller.ts";
import { ownerOf } from "../runtime/ownership.ts";
import { messageOf } from "../runtime/pod-control.ts";
import { byClaim, claimIndex } from "./pods-of-claim.ts";

type Claim = PersistentVolumeClaim;

/** The claims that the pod needs made, with the names of their volumes; `foreign`: one exists already that is not its own. Pure. */
export function claimsToMake(pod: Pod, find: (name: string) => Claim | undefined): { volume: string; claim: Claim; foreign?: string }[] {
  const { namespace, name } = pod.metadata;
  return (pod.spec.volumes ?? []).flatMap(({ name: volume, ephemeral }) => {
    const template = ephemeral?.volumeClaimTemplate;
    if (!template) return [];
    const claimName = `${name}-${volume}`;
    const existing = find(claimName);
    if (existing && isControlledBy(existing, pod)) return [];
    const { annotations, labels } = template.metadata ?? {};
    const claim = {
      metadata: {
        name: claimName,
        ...(annotations ? { annotations } : {}),
        ...(labels ? { labels } : {}),
        ownerReferences: [ownerOf(podResource, pod).controllerRef],
      },
      spec: template.spec,
    } as unknown as Claim;
    const foreign = existing && `PVC ${namespace}/${claimName} was not created for pod ${namespace}/${name} (pod is not owner)`;
    return [{ volume, claim, ...(foreign ? { foreign } : {}) }];
  });
}

export const ephemeralVolume: Controller = {
  name: "ephemeral-volume-controller",
  account: "ephemeral-volume-controller",
  component: "ephemeral_volume",
  start({ client, informers, events, enqueue, measures, signal }) {
    const claims = informers.informer(persistentvolumeclaims);
    const pods = informers.informer(podResource, { indexes: claimIndex });
    const about = "[ALPHA] Number of PersistentVolumeClaim creation requests";
    const tried = measures.counter("ephemeral_volume_controller_create_total", about);
    const failed = measures.counter("ephemeral_volume_controller_create_failures_total", about);
    const consider = (pod: Pod): void => {
      if (!pod.metadata.deletionTimestamp && pod.spec.volumes?.some((volume) => volume.ephemeral)) enqueue(keyOf(pod));
    };
    pods.onChange((old, pod) => {
      if (!old && pod) consider(pod);
    });
    claims.onChange((old, claim) => {
      if (old && !claim) for (const pod of pods.by(byClaim, keyOf(old))) consider(pod);
    });
    return async (key) => {
      const { namespace, name } = splitKey(key);
      const pod = pods.get(namespace, name);
      if (!pod || pod.metadata.deletionTimestamp) return;
      for (const { volume, claim, foreign } of claimsToMake(pod, (claimName) => claims.get(namespace, claimName))) {
        const fail = (why: string): never => {
          const message = `ephemeral volume ${volume}: ${why}`;
          if (!signal.aborted) events.event(referenceTo(podResource, pod), "Warning", "FailedBinding", message);
          throw new Error(`pod ${key}, ${message}`);
        };
        if (foreign) fail(foreign);
        tried.inc();
        try {
          await client.resource(persistentvolumeclaims).create(namespace, claim, { signal });
        } catch (error) {
          failed.inc();
          fail(`create PVC ${claim.metadata.name}: ${messageOf(error)}`);
        }
      }
    };
  },
};
