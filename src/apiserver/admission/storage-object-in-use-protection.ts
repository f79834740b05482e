/** Volumes, claims and volume attribute classes do not go while in use (plugin/pkg/admission/storage/storageobjectinuseprotection). */
import type { AdmissionPlugin } from "./admission.ts";
import { concerns } from "./refuse.ts";

const finalizers: Record<string, string> = {
  persistentvolumes: "kubernetes.io/pv-protection",
  persistentvolumeclaims: "kubernetes.io/pvc-protection",
  "volumeattributesclasses.storage.k8s.io": "kubernetes.io/vac-protection",
};

export const storageObjectInUseProtection: AdmissionPlugin = {
  name: "StorageObjectInUseProtection",
  mutate(attributes) {
    for (const [resource, finalizer] of Object.entries(finalizers)) {
      const metadata = concerns(attributes, resource) ? attributes.object?.metadata : undefined;
      if (metadata && !metadata.finalizers?.includes(finalizer)) metadata.finalizers = [...(metadata.finalizers ?? []), finalizer];
    }
  },
};
