/** A claim grows only when it is bound and its class allows it (plugin/pkg/admission/storage/persistentvolume/resize). */
import { parseQuantity } from "../../api/quantity.ts";
import type { PersistentVolumeClaim } from "../../api/types/core-v1.gen.ts";
import type { StorageClass } from "../../api/types/storage-v1.gen.ts";
import type { Reader } from "../../cache/cache.ts";
import type { AdmissionPlugin } from "./admission.ts";
import { concerns, refuse } from "./refuse.ts";

const classOf = (claim: PersistentVolumeClaim): string =>
  claim.metadata.annotations?.["volume.beta.kubernetes.io/storage-class"] ?? claim.spec.storageClassName ?? "";
const sizeOf = (claim: PersistentVolumeClaim) => parseQuantity(claim.spec.resources?.requests?.storage ?? "0");

export function persistentVolumeClaimResize({ reader }: { reader: Reader }): AdmissionPlugin {
  return {
    name: "PersistentVolumeClaimResize",
    validate(attributes) {
      if (!concerns(attributes, "persistentvolumeclaims")) return;
      const claim = attributes.object as PersistentVolumeClaim;
      const old = attributes.old as PersistentVolumeClaim;
      if (sizeOf(claim).cmp(sizeOf(old)) <= 0) return;
      if (old.status?.phase !== "Bound") throw refuse(attributes, "Only bound persistent volume claims can be expanded");
      const name = classOf(claim);
      const allowed = name && name === classOf(old) && reader.get<StorageClass>("storageclasses.storage.k8s.io", "", name)?.allowVolumeExpansion;
      if (!allowed)
        throw refuse(attributes, "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize");
    },
  };
}
