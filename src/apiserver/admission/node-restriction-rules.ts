/** Which labels a kubelet may set on its node, and which mirror pods it may make. */
import { notFound } from "../../api/status.ts";
import type { Node, Pod, Volume } from "../../api/types/core-v1.gen.ts";
import type { Reader } from "../../cache/cache.ts";
import { podConfigMaps, podSecrets } from "../../api/core/pod-references.ts";
import type { AdmissionAttributes } from "./admission.ts";
import { mirrorPodAnnotation, refuse } from "./refuse.ts";

const quote = JSON.stringify;

const ownLabels = new Set([
  "kubernetes.io/hostname",
  "topology.kubernetes.io/zone",
  "topology.kubernetes.io/region",
  "failure-domain.beta.kubernetes.io/zone",
  "failure-domain.beta.kubernetes.io/region",
  "beta.kubernetes.io/instance-type",
  "node.kubernetes.io/instance-type",
  "kubernetes.io/os",
  "kubernetes.io/arch",
  "beta.kubernetes.io/os",
  "beta.kubernetes.io/arch",
]);
const within = (namespace: string, domain: string): boolean => namespace === domain || namespace.endsWith(`.${domain}`);

function isForbidden(label: string): boolean {
  const slash = label.indexOf("/");
  const namespace = slash < 0 ? "" : label.slice(0, slash);
  if (within(namespace, "node-restriction.kubernetes.io")) return true;
  if (!within(namespace, "kubernetes.io") && !within(namespace, "k8s.io")) return false;
  return !ownLabels.has(label) && !within(namespace, "kubelet.kubernetes.io") && !within(namespace, "node.kubernetes.io");
}

/** Labels that differ and that a node must not add, change or take away; sorted. */
export function forbiddenLabels(now: Record<string, string> = {}, before: Record<string, string> = {}): string[] {
  const changed = new Set([...Object.keys(now), ...Object.keys(before)].filter((key) => now[key] !== before[key]));
  return [...changed].filter(isForbidden).sort();
}

export function admitMirrorPod(node: string, a: AdmissionAttributes, reader: Reader): void {
  const pod = a.object as Pod;
  if (pod.metadata.annotations?.[mirrorPodAnnotation] === undefined)
    throw refuse(a, `pod does not have ${quote(mirrorPodAnnotation)} annotation, node ${quote(node)} can only create mirror pods`);
  if (pod.spec.nodeName !== node) throw refuse(a, `node ${quote(node)} can only create pods with spec.nodeName set to itself`);
  const owners = pod.metadata.ownerReferences ?? [];
  const [owner] = owners;
  if (owners.length > 1) throw refuse(a, `node ${quote(node)} can only create pods with a single owner reference set to itself`);
  if (owner?.apiVersion !== "v1" || owner.kind !== "Node" || owner.name !== node)
    throw refuse(a, `node ${quote(node)} can only create pods with an owner reference set to itself`);
  if (!owner.controller) throw refuse(a, `node ${quote(node)} can only create pods with a controller owner reference set to itself`);
  if (owner.blockOwnerDeletion) throw refuse(a, `node ${quote(node)} must not set blockOwnerDeletion on an owner reference`);
  const stored = reader.get<Node>("nodes", "", node);
  if (!stored) throw notFound("nodes", node);
  if (owner.uid !== stored.metadata.uid) throw refuse(a, `node ${node} UID mismatch: expected ${owner.uid} got ${stored.metadata.uid}`);
  const reference = apiReference(pod);
  if (reference === undefined) return;
  throw refuse(
    a,
    reference.error
      ? `error checking mirror pod for API references: ${reference.error}`
      : `node ${quote(node)} can not create pods that reference ${reference.resource}`,
  );
}

interface Reference {
  resource?: string;
  error?: string;
}

function apiReference(pod: Pod): Reference | undefined {
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

const local: (keyof Volume)[] = [
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
const remote: [keyof Volume, string][] = [
  ["configMap", "configmaps (via configmap volumes)"],
  ["secret", "secrets (via secret volumes)"],
  ["csi", "csidrivers (via CSI volumes)"],
  ["glusterfs", "endpoints (via glusterFS volumes)"],
  ["persistentVolumeClaim", "persistentvolumeclaims"],
  ["ephemeral", "persistentvolumeclaims (via ephemeral volumes)"],
  ["azureFile", "secrets (via azureFile volumes)"],
];

function volumeReference(volume: Volume): Reference | undefined {
  if (local.some((kind) => volume[kind])) return undefined;
  const found = remote.find(([kind]) => volume[kind]);
  if (found) return { resource: found[1] };
  if (!volume.projected) return { error: `unknown volume type for volume  ${quote(volume.name)}` };
  for (const source of volume.projected.sources ?? []) {
    if (source.configMap) return { resource: "configmaps (via projected volumes)" };
    if (source.secret) return { resource: "secrets (via projected volumes)" };
    if (source.serviceAccountToken) return { resource: "serviceaccounts (via projected volumes)" };
    if (source.clusterTrustBundle) return { resource: "clustertrustbundles" };
    if (source.podCertificate) return { resource: "podcertificates" };
    if (!source.downwardAPI) return { error: `unknown source for projected volume ${quote(volume.name)}` };
  }
  return undefined;
}
