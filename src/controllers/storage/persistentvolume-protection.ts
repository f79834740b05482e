/** A volume that is bound is not deleted (pkg/controller/volume/pvprotection). */
import { persistentvolumes } from "../../client/resources.gen.ts";
import type { Controller } from "../runtime/controller.ts";
import { guarded, isGuardDue } from "./guard.ts";

const finalizer = "kubernetes.io/pv-protection";

export const persistentVolumeProtection: Controller = {
  name: "persistentvolume-protection-controller",
  account: "pv-protection-controller",
  workers: 1,
  start({ client, informers, enqueue, signal }) {
    const volumes = informers.informer(persistentvolumes);
    volumes.onChange((_, volume) => {
      if (volume && isGuardDue(volume, finalizer)) enqueue(volume.metadata.name);
    });
    return async (name) => {
      const volume = volumes.get("", name);
      if (!volume || !isGuardDue(volume, finalizer)) return;
      if (volume.metadata.deletionTimestamp && volume.status?.phase === "Bound") return;
      await client.resource(persistentvolumes).update(guarded(volume, finalizer), { signal });
    };
  },
};
