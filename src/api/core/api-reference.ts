/** What keeps a pod from being run without the API: mirror and static pods may have none of it (pkg/api/pod/util.go HasAPIObjectReference). */
import { goQuote } from "../go-quote.ts";
import type { Pod, Volume } from "../types/core-v1.gen.ts";
import { podConfigMaps, podSecrets } from "./pod-references.ts";

export interface ApiReference {
  resource?: string;
  /** Why it cannot be told. */
  error?: string;
}

/** The first thing of the pod that only the API can give; undefined: it can run without one. */
export function apiReference(pod: Pod): ApiReference | undefined {
  if (pod.spec.serviceAccountName) return { resource: "serviceaccounts" };
  if (podSecrets(pod).length) return { resource: "secrets" };
  if (podConfigMaps(pod).length) return { resource: "configmaps" };
  if (pod.spec.resourceClaims?.length) return { resource: "resourceclaims" };
  for (const volume of pod.spec.volumes ?? []) {
    const found = volumeReference(volume);
    if (found) return found;
  }
  return undefined;
}

const withoutApi: (keyof Volume)[] = [
  "awsElasticBlockStore",
  "azureDisk",
  "cephfs",
  "cinder",
  "downwardAPI",
  "emptyDir",
  "fc",
  "flexVolume",
  "flocker",
  "gcePersistentDisk",
  "gitRepo",
  "hostPath",
  "image",
  "iscsi",
  "nfs",
  "photonPersistentDisk",
  "portworxVolume",
  "quobyte",
  "rbd",
  "scaleIO",
  "storageos",
  "vsphereVolume",
];
const withApi: [keyof Volume, string][] = [
  ["configMap", "configmaps (via configmap volumes)"],
  ["secret", "secrets (via secret volumes)"],
  ["csi", "csidrivers (via CSI volumes)"],
  ["glusterfs", "endpoints (via glusterFS volumes)"],
  ["persistentVolumeClaim", "persistentvolumeclaims"],
  ["ephemeral", "persistentvolumeclaims (via ephemeral volumes)"],
  ["azureFile", "secrets (via azureFile volumes)"],
];

function volumeReference(volume: Volume): ApiReference | undefined {
  if (withoutApi.some((kind) => volume[kind])) return undefined;
  const found = withApi.find(([kind]) => volume[kind]);
  if (found) return { resource: found[1] };
  if (!volume.projected) return { error: `unknown volume type for volume  ${goQuote(volume.name)}` };
  for (const source of volume.projected.sources ?? []) {
    if (source.configMap) return { resource: "configmaps (via projected volumes)" };
    if (source.secret) return { resource: "secrets (via projected volumes)" };
    if (source.serviceAccountToken) return { resource: "serviceaccounts (via projected volumes)" };
    if (source.clusterTrustBundle) return { resource: "clustertrustbundles" };
    if (source.podCertificate) return { resource: "podcertificates" };
    if (!source.downwardAPI) return { error: `unknown source for projected volume ${goQuote(volume.name)}` };
  }
  return undefined;
}
