/** A volume that is bound is not deleted (pkg/controller/volume/pvprotection). */
import { persistentvolumes } from "../../client/resources.gen.ts";
import type { Controller } from "../runtime/controller.ts";

const finalizer = "kubernetes.io/pv-protection";

export const persistentVolumeProtection: Controller = {
  name: "persistentvolume-protection-controller",
  account: "pv-protection-controller",
  workers: 1,
  start({ client, informers, enqueue, signal }) {
    const volumes = informers.informer(persistentvolumes);
    volumes.onChange((_, volume) => {
      const guarded = volume?.metadata.finalizers?.includes(finalizer);
      if (volume && (volume.metadata.deletionTimestamp ? guarded : !guarded)) enqueue(volume.metadata.name);
    });
    return async (name) => {
      const volume = volumes.get("", name);
      if (!volume) return;
      const { finalizers = [], deletionTimestamp } = volume.metadata;
      const guarded = finalizers.includes(finalizer);
      if (deletionTimestamp ? !guarded || volume.status?.phase === "Bound" : guarded) return;
      const next = deletionTimestamp ? finalizers.filter((one) => one !== finalizer) : [...finalizers, finalizer];
      await client.resource(persistentvolumes).update({ ...volume, metadata: { ...volume.metadata, finalizers: next } }, { signal });
    };
  },
};
