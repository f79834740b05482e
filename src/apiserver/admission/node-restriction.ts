/** What a kubelet writes must concern its own node (plugin/pkg/admission/noderestriction). */
import type { CertificateSigningRequest } from "../../api/types/certificates-v1.gen.ts";
import { notFound } from "../../api/status.ts";
import type { KubeObject } from "../../api/object.ts";
import type { Node, PersistentVolumeClaim, Pod } from "../../api/types/core-v1.gen.ts";
import type { ResourceSlice } from "../../api/types/resource-v1.gen.ts";
import type { Reader } from "../../cache/cache.ts";
import { nameOids } from "../../api/x509/der.ts";
import type { Authorizer } from "../authorization/authorizer.ts";
import { nodeOf } from "../authorization/node.ts";
import { sameValue } from "../authorization/same.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts";
import { subjectOfRequest } from "./certificates.ts";
import { admitMirrorPod, forbiddenLabels } from "./node-restriction-rules.ts";
import { admitToken } from "./node-restriction-token.ts";
import { refuse } from "./refuse.ts";

export interface NodeRestrictionOptions {
  reader: Reader;
  /** Asked whether a node may request tokens for audiences that no volume of the pod names. */
  authorizer: Authorizer;
}

const quote = JSON.stringify;

export function nodeRestriction(options: NodeRestrictionOptions): AdmissionPlugin {
  const { reader } = options;
  return {
    name: "NodeRestriction",
    mutate(attributes) {
      const node = nodeOf(attributes.user);
      if (node === undefined) return;
      if (node === "") throw refuse(attributes, `could not determine node from user ${quote(attributes.user.name)}`);
      const { group, resource } = attributes.resource;
      switch (group ? `${resource}.${group}` : resource) {
        case "pods":
          return admitPods(node, attributes, reader);
        case "nodes":
          return admitNode(node, attributes);
        case "persistentvolumeclaims":
          if (attributes.subresource !== "status") throw refuse(attributes, "may only update PVC status");
          return admitClaimStatus(node, attributes);
        case "serviceaccounts":
          return attributes.operation === "CREATE" && attributes.subresource === "token" ? admitToken(node, attributes, options) : undefined;
        case "podcertificaterequests.certificates.k8s.io":
          throw refuse(attributes, "PodCertificateRequest feature gate is disabled");
        case "leases.coordination.k8s.io":
          return admitOwnName(node, attributes, "node lease", "kube-node-lease");
        case "csinodes.storage.k8s.io":
          return admitOwnName(node, attributes, "CSINode");
        case "resourceslices.resource.k8s.io":
          return admitSlice(node, attributes);
        case "certificatesigningrequests.certificates.k8s.io":
          return admitSigningRequest(node, attributes);
      }
    },
  };
}

function admitPods(node: string, a: AdmissionAttributes, reader: Reader): void {
  const stored = (name: string): Pod => {
    const pod = reader.get<Pod>("pods", a.namespace, name);
    // A lister names what it misses in the singular.
    if (!pod) throw notFound("pod", name);
    return pod;
  };
  if (a.subresource === "status") {
    admitPodStatus(node, a);
    return;
  }
  if (a.subresource === "eviction") {
    if (a.operation !== "CREATE") throw refuse(a, `unexpected operation ${a.operation}`);
    const name = a.name || a.object?.metadata.name;
    if (!name) throw refuse(a, "could not determine pod from request data");
    if (stored(name).spec.nodeName !== node) throw refuse(a, `node ${node} can only evict pods with spec.nodeName set to itself`);
    return;
  }
  if (a.subresource) throw refuse(a, `unexpected pod subresource ${quote(a.subresource)}, only 'status' and 'eviction' are allowed`);
  if (a.operation === "CREATE") {
    admitMirrorPod(node, a, reader);
    return;
  }
  if (a.operation !== "DELETE") throw refuse(a, `unexpected operation ${quote(a.operation)}, node ${quote(node)} can only create and delete mirror pods`);
  if (stored(a.name).spec.nodeName !== node) throw refuse(a, `node ${quote(node)} can only delete pods with spec.nodeName set to itself`);
}

function admitPodStatus(node: string, a: AdmissionAttributes): void {
  if (a.operation !== "UPDATE") throw refuse(a, `unexpected operation ${quote(a.operation)}`);
  const [old, pod] = [a.old as Pod, a.object as Pod];
  if (old.spec.nodeName !== node) throw refuse(a, `node ${quote(node)} can only update pod status for pods with spec.nodeName set to itself`);
  if (!sameValue(old.metadata.labels, pod.metadata.labels)) throw refuse(a, `node ${quote(node)} cannot update labels through pod status`);
  const claims = (p: Pod) => (p.status?.resourceClaimStatuses ?? []).map(({ name, resourceClaimName }) => ({ name, resourceClaimName }));
  if (!sameValue(claims(old), claims(pod))) throw refuse(a, `node ${quote(node)} cannot update resource claim statues`);
  if (!sameValue(old.status?.extendedResourceClaimStatus, pod.status?.extendedResourceClaimStatus))
    throw refuse(a, `node ${quote(node)} cannot update extended resource claim status`);
}

function admitNode(node: string, a: AdmissionAttributes): void {
  // A node that registers itself names itself in the object only.
  const requested = a.name || a.object?.metadata.name || "";
  if (requested !== node) throw refuse(a, `node ${quote(node)} is not allowed to modify node ${quote(requested)}`);
  const draft = a.object as Node;
  if (a.operation === "CREATE") {
    if (draft.spec?.configSource) throw refuse(a, `node ${quote(node)} is not allowed to create pods with a non-nil configSource`);
    const labels = forbiddenLabels(draft.metadata.labels, undefined);
    if (labels.length) throw refuse(a, `node ${quote(node)} is not allowed to set the following labels: ${labels.join(", ")}`);
  }
  if (a.operation !== "UPDATE") return;
  const old = a.old as Node;
  if (draft.spec?.configSource && !sameValue(draft.spec.configSource, old.spec?.configSource))
    throw refuse(a, `node ${quote(node)} is not allowed to update configSource to a new non-nil configSource`);
  if (!sameValue(draft.spec?.taints, old.spec?.taints)) throw refuse(a, `node ${quote(node)} is not allowed to modify taints`);
  if (!sameValue(draft.metadata.ownerReferences, old.metadata.ownerReferences)) throw refuse(a, `node ${quote(node)} is not allowed to modify ownerReferences`);
  const labels = forbiddenLabels(draft.metadata.labels, old.metadata.labels);
  if (labels.length) throw refuse(a, `is not allowed to modify labels: ${labels.join(", ")}`);
}

function admitClaimStatus(node: string, a: AdmissionAttributes): void {
  if (a.operation !== "UPDATE") throw refuse(a, `unexpected operation ${quote(a.operation)}`);
  const fixed = (claim: PersistentVolumeClaim): object => {
    const { resourceVersion: _version, managedFields: _fields, ...metadata } = claim.metadata;
    const {
      capacity: _capacity,
      conditions: _conditions,
      allocatedResourceStatuses: _statuses,
      allocatedResources: _allocated,
      ...status
    } = claim.status ?? {};
    return { ...claim, metadata, status };
  };
  const [old, draft] = [fixed(a.old as PersistentVolumeClaim), fixed(a.object as PersistentVolumeClaim)];
  if (!sameValue(old, draft)) throw refuse(a, `node ${quote(node)} is not allowed to update fields other than status.quantity and status.conditions`);
}

function admitOwnName(node: string, a: AdmissionAttributes, what: string, namespace?: string): void {
  if (namespace !== undefined && a.namespace !== namespace) throw refuse(a, `can only access leases in the ${quote(namespace)} system namespace`);
  const name = a.operation === "CREATE" ? a.object?.metadata.name : a.name;
  if (name !== node) throw refuse(a, `can only access ${what} with the same name as the requesting node`);
}

function admitSlice(node: string, a: AdmissionAttributes): void {
  const owner = (slice: KubeObject | undefined): string | undefined => (slice as ResourceSlice | undefined)?.spec.nodeName;
  if (a.operation === "CREATE" && owner(a.object) !== node) throw refuse(a, "can only create ResourceSlice with the same NodeName as the requesting node");
  if (a.operation === "DELETE" && owner(a.old) !== node) throw refuse(a, "can only delete ResourceSlice with the same NodeName as the requesting node");
}

const kubeletSigners = ["kubernetes.io/kubelet-serving", "kubernetes.io/kube-apiserver-client-kubelet"];

function admitSigningRequest(node: string, a: AdmissionAttributes): void {
  if (a.operation !== "CREATE") return;
  const { spec } = a.object as CertificateSigningRequest;
  if (!kubeletSigners.includes(spec.signerName)) return;
  let commonName: string | undefined;
  try {
    commonName = subjectOfRequest(spec.request).findLast(({ oid }) => oid === nameOids.commonName)?.value;
  } catch (error) {
    throw refuse(a, `unable to parse csr: ${(error as Error).message}`);
  }
  if (commonName !== `system:node:${node}`) throw refuse(a, `can only create a node CSR with CN=system:node:${node}`);
}
