/** A VolumeAttributesClass that a claim or a volume names is not deleted (pkg/controller/volume/vacprotection). */
import type { PersistentVolume, PersistentVolumeClaim } from "../../api/types/core-v1.gen.ts";
import { persistentvolumeclaims, persistentvolumes, volumeattributesclasses } from "../../client/resources.gen.ts";
import type { Controller } from "../runtime/controller.ts";
import { guarded, isGuardDue } from "./guard.ts";

const finalizer = "kubernetes.io/vac-protection";
const byClass = "volumeattributesclass";

/** The wanted, the present and the one on the way. */
export const classesOfClaim = ({ spec, status }: PersistentVolumeClaim): string[] => [
  ...new Set(
    [spec.volumeAttributesClassName, status?.currentVolumeAttributesClassName, status?.modifyVolumeStatus?.targetVolumeAttributesClassName].filter(
      (name): name is string => Boolean(name),
    ),
  ),
];
const classesOfVolume = ({ spec }: PersistentVolume): string[] => (spec.volumeAttributesClassName ? [spec.volumeAttributesClassName] : []);

export const volumeAttributesClassProtection: Controller = {
  name: "volumeattributesclass-protection-controller",
  account: "volumeattributesclass-protection-controller",
  workers: 1,
  start({ client, informers, enqueue, signal }) {
    const classes = informers.informer(volumeattributesclasses);
    const claims = informers.informer(persistentvolumeclaims, { indexes: { [byClass]: classesOfClaim } });
    const volumes = informers.informer(persistentvolumes, { indexes: { [byClass]: classesOfVolume } });
    classes.onChange((_, one) => {
      if (one && isGuardDue(one, finalizer)) enqueue(one.metadata.name);
    });
    const released = (before: string[], after: string[]): void => {
      for (const name of before) if (!after.includes(name)) enqueue(name);
    };
    claims.onChange((old, claim) => released(old ? classesOfClaim(old) : [], claim ? classesOfClaim(claim) : []));
    volumes.onChange((old, volume) => released(old ? classesOfVolume(old) : [], volume ? classesOfVolume(volume) : []));
    return async (name) => {
      const one = classes.get("", name);
      if (!one || !isGuardDue(one, finalizer)) return;
      if (one.metadata.deletionTimestamp && (volumes.by(byClass, name).length || claims.by(byClass, name).length)) return;
      await client.resource(volumeattributesclasses).update(guarded(one, finalizer), { signal });
    };
  },
};
