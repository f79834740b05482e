/** The claims of a StatefulSet's pods: made before the pod, owned as the retention policy says. */
import { isAlreadyExists } from "../../api/status.ts";
import type { StatefulSet } from "../../api/types/apps-v1.gen.ts";
import type { PersistentVolumeClaim, Pod } from "../../api/types/core-v1.gen.ts";
import type { OwnerReference } from "../../api/types/meta-v1.gen.ts";
import type { Informer } from "../../client/informer.ts";
import { persistentvolumeclaims, pods as podResource, statefulsets } from "../../client/resources.gen.ts";
import type { ControllerContext } from "../runtime/controller.ts";
import { semanticEqual } from "../runtime/equal.ts";
import { ownerOf } from "../runtime/ownership.ts";
import { messageOf } from "../runtime/pod-control.ts";
import { claimName, claimsOf } from "./statefulset-pods.ts";

export class StatefulClaims {
  readonly #context: ControllerContext;
  readonly #claims: Informer<PersistentVolumeClaim>;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#claims = context.informers.informer(persistentvolumeclaims);
  }

  /** Creates the claims of an ordinal that are missing. Rejects when one cannot be had. */
  async ensure(set: StatefulSet, ordinal: number): Promise<void> {
    const { client, events, signal } = this.#context;
    const { about, controllerRef, namespace } = ownerOf(statefulsets, set);
    for (const claim of claimsOf(set, ordinal)) {
      const { name } = claim.metadata;
      const present = this.#claims.get(namespace, name);
      if (present?.metadata.deletionTimestamp) throw new Error(`pvc ${name} is being deleted`);
      if (present) continue;
      const owned = set.spec.persistentVolumeClaimRetentionPolicy?.whenDeleted === "Delete";
      const made = owned ? { ...claim, metadata: { ...claim.metadata, ownerReferences: [controllerRef] } } : claim;
      const what = `create Claim ${name} Pod ${set.metadata.name}-${ordinal} in StatefulSet ${set.metadata.name}`;
      try {
        await client.resource(persistentvolumeclaims).create(namespace, made as PersistentVolumeClaim, { signal });
        events.event(about, "Normal", "SuccessfulCreate", `${what} success`);
      } catch (error) {
        if (isAlreadyExists(error)) continue;
        if (!signal.aborted) events.event(about, "Warning", "FailedCreate", `${what} failed error: ${messageOf(error)}`);
        throw error;
      }
    }
  }

  /** Gives the claims of a pod the owners that make the garbage collector follow the retention policy. */
  async retain(set: StatefulSet, pod: Pod, ordinal: number, condemned: boolean): Promise<void> {
    const { client, signal } = this.#context;
    const { whenDeleted = "Retain", whenScaled = "Retain" } = set.spec.persistentVolumeClaimRetentionPolicy ?? {};
    const bySet = ownerOf(statefulsets, set).controllerRef;
    const byPod = ownerOf(podResource, pod).controllerRef;
    const scaledAway = condemned && whenScaled === "Delete";
    const wanted: OwnerReference[] = scaledAway ? [byPod] : whenDeleted === "Delete" ? [bySet] : [];
    const ours = new Set([bySet.uid, byPod.uid]);
    for (const template of set.spec.volumeClaimTemplates ?? []) {
      const claim = this.#claims.get(set.metadata.namespace ?? "", claimName(template, set, ordinal));
      if (!claim || claim.metadata.deletionTimestamp) continue;
      const references = claim.metadata.ownerReferences ?? [];
      // Somebody else's claim is left alone.
      if (references.some((r) => r.controller && !ours.has(r.uid) && r.kind !== "Pod")) continue;
      const mine = references.filter((r) => ours.has(r.uid) || (r.kind === "Pod" && r.name === pod.metadata.name));
      if (semanticEqual(mine.map((r) => r.uid).sort(), wanted.map((r) => r.uid).sort())) continue;
      const ownerReferences = [...references.filter((r) => !mine.includes(r)), ...wanted];
      await client.resource(persistentvolumeclaims).update({ ...claim, metadata: { ...claim.metadata, ownerReferences } }, { signal });
    }
  }
}
