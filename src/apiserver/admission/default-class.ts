/**
 * Claims and ingresses that name no class get the default one, the newest of several
 * (plugin/pkg/admission/storage/storageclass/setdefault, plugin/pkg/admission/network/defaultingressclass).
 */
import type { KubeObject } from "../../api/object.ts";
import type { PersistentVolumeClaim } from "../../api/types/core-v1.gen.ts";
import type { Ingress } from "../../api/types/networking-v1.gen.ts";
import type { Reader } from "../../cache/cache.ts";
import type { AdmissionPlugin } from "./admission.ts";
import { concerns } from "./refuse.ts";

function defaultOf(reader: Reader, resource: string, annotations: readonly string[]): string | undefined {
  const marked = reader.list<KubeObject>(resource).filter(({ metadata }) => annotations.some((a) => metadata.annotations?.[a] === "true"));
  const created = ({ metadata }: KubeObject): number => Date.parse(metadata.creationTimestamp);
  marked.sort((a, b) => created(b) - created(a) || (a.metadata.name < b.metadata.name ? -1 : 1));
  return marked[0]?.metadata.name;
}

const storageAnnotations = ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];

export function defaultStorageClass({ reader }: { reader: Reader }): AdmissionPlugin {
  return {
    name: "DefaultStorageClass",
    mutate(attributes) {
      if (!concerns(attributes, "persistentvolumeclaims")) return;
      const claim = attributes.object as PersistentVolumeClaim;
      if (claim.metadata.annotations?.["volume.beta.kubernetes.io/storage-class"] !== undefined || claim.spec.storageClassName !== undefined) return;
      const name = defaultOf(reader, "storageclasses.storage.k8s.io", storageAnnotations);
      if (name) claim.spec.storageClassName = name;
    },
  };
}

export function defaultIngressClass({ reader }: { reader: Reader }): AdmissionPlugin {
  return {
    name: "DefaultIngressClass",
    mutate(attributes) {
      if (!concerns(attributes, "ingresses.networking.k8s.io")) return;
      const ingress = attributes.object as Ingress;
      if (ingress.spec?.ingressClassName !== undefined || ingress.metadata.annotations?.["kubernetes.io/ingress.class"] !== undefined) return;
      const name = defaultOf(reader, "ingressclasses.networking.k8s.io", ["ingressclass.kubernetes.io/is-default-class"]);
      if (name) ingress.spec = { ...ingress.spec, ingressClassName: name };
    },
  };
}
