/** Which labels a kubelet may set on its node, and which mirror pods it may make. */
import { notFound } from "../../api/status.ts";
import type { Node, Pod } from "../../api/types/core-v1.gen.ts";
import type { Reader } from "../../cache/cache.ts";
import { apiReference } from "../../api/core/api-reference.ts";
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
