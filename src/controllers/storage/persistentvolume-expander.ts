/**
 * Claims that have grown (pkg/controller/volume/expand). Volumes are resized outside, by the resizer of their driver: upstream
 * has no plugin of its own left that could, and only tells whom the claim waits for. For volumes of the former in-tree
 * plugins it names the CSI driver that took their place.
 */
import { keyOf, splitKey } from "../../api/object.ts";
import { parseQuantity } from "../../api/quantity.ts";
import type { PersistentVolume, PersistentVolumeClaim } from "../../api/types/core-v1.gen.ts";
import { referenceTo } from "../../client/events.ts";
import { persistentvolumeclaims, persistentvolumes } from "../../client/resources.gen.ts";
import type { Controller } from "../runtime/controller.ts";
import { migratedPlugin } from "./migrated-plugins.ts";

const resizerAnnotation = "volume.kubernetes.io/storage-resizer";
const beforeResize = "volume.alpha.kubernetes.io/pre-resize-capacity";

const bytes = (quantity: string | undefined) => parseQuantity(quantity ?? "0");
const asked = (claim: PersistentVolumeClaim) => bytes(claim.spec.resources?.requests?.storage);
const has = (claim: PersistentVolumeClaim) => bytes(claim.status?.capacity?.storage);

/** Whether a change of the claim is a reason to look at its volume. */
export const grew = (old: PersistentVolumeClaim, claim: PersistentVolumeClaim): boolean => asked(claim).cmp(asked(old)) > 0 || has(claim).cmp(has(old)) > 0;

export const wantsExpansion = (claim: PersistentVolumeClaim, volume: PersistentVolume): boolean =>
  asked(claim).cmp(has(claim)) > 0 || volume.metadata.annotations?.[beforeResize] !== undefined;

export const persistentVolumeExpander: Controller = {
  name: "persistentvolume-expander-controller",
  account: "expand-controller",
  component: "volume_expand",
  workers: 10,
  start({ client, informers, events, enqueue, signal }) {
    const claims = informers.informer(persistentvolumeclaims);
    claims.onChange((old, claim) => {
      if (claim?.status?.phase === "Bound" && (!old || grew(old, claim))) enqueue(keyOf(claim));
    });
    return async (key) => {
      const { namespace, name } = splitKey(key);
      const claim = claims.get(namespace, name);
      if (!claim) return;
      const volume = await client.resource(persistentvolumes).get("", claim.spec.volumeName ?? "", { signal });
      const { claimRef } = volume.spec;
      if (!claimRef || claimRef.namespace !== namespace || claimRef.uid !== claim.metadata.uid)
        throw new Error(`persistent Volume is not bound to PVC being updated : ${key}`);
      if (!wantsExpansion(claim, volume)) return;
      const tell = (message: string): void => events.event(referenceTo(persistentvolumeclaims, claim), "Normal", "ExternalExpanding", message);
      const migrated = migratedPlugin(volume.spec);
      if (!migrated) return tell("waiting for an external controller to expand this PVC");
      tell(`CSI migration enabled for ${migrated.plugin}; waiting for external resizer to expand the pvc`);
      if (claim.metadata.annotations?.[resizerAnnotation] === migrated.driver) return;
      const { resourceVersion } = claim.metadata;
      const metadata = { annotations: { [resizerAnnotation]: migrated.driver }, resourceVersion };
      await client.resource(persistentvolumeclaims).patch(namespace, name, "strategic", { metadata }, { subresource: "status", signal });
    };
  },
};
