/** Volumes, claims and volume attribute classes do not go while in use (plugin/pkg/admission/storage/storageobjectinuseprotection). */
import type { AdmissionPlugin } from "./admission.ts";
import { groupResource } from "../../api/status.ts";
import { table } from "../../base/table.ts";

const finalizers = table({
  persistentvolumes: "kubernetes.io/pv-protection",
  persistentvolumeclaims: "kubernetes.io/pvc-protection",
  "volumeattributesclasses.storage.k8s.io": "kubernetes.io/vac-protection",
});

export const storageObjectInUseProtection: AdmissionPlugin = {
  name: "StorageObjectInUseProtection",
  mutate({ resource, subresource, object }) {
    const finalizer = finalizers[groupResource(resource.group, resource.resource)];
    if (finalizer === undefined || subresource !== "" || !object) return;
    const { metadata } = object;
    if (!metadata.finalizers?.includes(finalizer)) metadata.finalizers = [...(metadata.finalizers ?? []), finalizer];
  },
};
