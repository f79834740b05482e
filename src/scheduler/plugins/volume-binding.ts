/** Volumes of a pod: bound ones must be reachable from the node, unbound ones must find or get a volume there. */
import { parseQuantity } from "../../api/quantity.ts";
import { selectorOf } from "../../api/selectors/labels.ts";
import type { CSIStorageCapacity, StorageClass } from "../../api/types/storage-v1.gen.ts";
import type { PersistentVolume, PersistentVolumeClaim, Pod } from "../../api/types/core-v1.gen.ts";
import type { NodeRow } from "../cache/snapshot.ts";
import type { ClusterView } from "../framework/cluster-view.ts";
import { action } from "../framework/events.ts";
import { type Cycle, type Plugin, type Rejection, rejection } from "../framework/plugin.ts";
import { same } from "../framework/same.ts";
import type { VolumePlan } from "../framework/volume-plan.ts";
import { findMatchingVolume, reaches, requestedSize } from "./matching-volume.ts";
import { claimsOf, classOf, isBound, usableClaims } from "./pod-claims.ts";

const name = "VolumeBinding";
const unbound = rejection(name, false, "pod has unbound immediate PersistentVolumeClaims");
const elsewhere = rejection(name, false, "node(s) didn't match PersistentVolume's node affinity");
const nothingToBind = rejection(name, false, "node(s) didn't find available persistent volumes to bind");
const noSpace = rejection(name, false, "node(s) did not have enough free storage");
const missingVolume = rejection(name, false, "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)");
const selectedNode = "volume.kubernetes.io/selected-node";

interface Claims {
  readonly bound: readonly PersistentVolumeClaim[];
  /** Wait for a node, the smallest first. */
  readonly waiting: readonly PersistentVolumeClaim[];
  readonly volumes: readonly PersistentVolume[];
}

function sort(pod: Pod, cluster: ClusterView): Claims | Rejection | undefined {
  if (!claimsOf(pod).length) return undefined;
  const claims = usableClaims(pod, cluster);
  if (typeof claims === "string") return rejection(name, false, claims);
  const bound: PersistentVolumeClaim[] = [];
  const waiting: PersistentVolumeClaim[] = [];
  for (const claim of claims) {
    if (isBound(claim)) {
      bound.push(claim);
      continue;
    }
    const className = classOf(claim);
    const storageClass = className ? cluster.storageClass(className) : undefined;
    if (storageClass?.volumeBindingMode !== "WaitForFirstConsumer" || claim.spec.volumeName) return unbound;
    waiting.push(claim);
  }
  waiting.sort((a, b) => requestedSize(a).cmp(requestedSize(b)));
  return { bound, waiting, volumes: waiting.length ? cluster.pvs() : [] };
}

function allows({ allowedTopologies }: StorageClass, { labels }: NodeRow): boolean {
  if (!allowedTopologies?.length) return true;
  return allowedTopologies.some(({ matchLabelExpressions = [] }) =>
    matchLabelExpressions.every(({ key, values }) => labels[key] !== undefined && values.includes(labels[key])),
  );
}

const limitOf = ({ maximumVolumeSize, capacity }: CSIStorageCapacity): string | undefined => maximumVolumeSize ?? capacity;

function hasSpace(claim: PersistentVolumeClaim, { metadata, provisioner }: StorageClass, node: NodeRow, cluster: ClusterView): boolean {
  if (claim.spec.resources?.requests?.storage === undefined || !cluster.csiDriver(provisioner)?.spec.storageCapacity) return true;
  const size = requestedSize(claim);
  return cluster.csiCapacities().some((capacity) => {
    const limit = limitOf(capacity);
    if (capacity.storageClassName !== metadata.name || limit === undefined || parseQuantity(limit).cmp(size) < 0) return false;
    return capacity.nodeTopology !== undefined && selectorOf(capacity.nodeTopology).matches(node.labels);
  });
}

function plan({ bound, waiting, volumes }: Claims, node: NodeRow, cluster: ClusterView): VolumePlan | Rejection {
  for (const { spec } of bound) {
    const volume = cluster.pv(spec.volumeName as string);
    if (!volume) return missingVolume;
    if (!reaches(volume, node)) return elsewhere;
  }
  const bindings: VolumePlan["bindings"][number][] = [];
  const provision: PersistentVolumeClaim[] = [];
  const taken = new Set<string>();
  for (const claim of waiting) {
    const chosen = claim.metadata.annotations?.[selectedNode];
    if (chosen !== undefined && chosen !== node.name) return nothingToBind;
    const volume = chosen === undefined ? findMatchingVolume(claim, volumes, node, taken) : undefined;
    if (volume) {
      taken.add(volume.metadata.name);
      bindings.push({ volume, claim });
    } else provision.push(claim);
  }
  for (const claim of provision) {
    const storageClass = cluster.storageClass(classOf(claim));
    if (!storageClass) throw new Error(`failed to find storage class ${JSON.stringify(classOf(claim))}`);
    const { provisioner } = storageClass;
    if (!provisioner || provisioner === "kubernetes.io/no-provisioner" || !allows(storageClass, node)) return nothingToBind;
    if (!hasSpace(claim, storageClass, node, cluster)) return noSpace;
  }
  return { node: node.name, bindings, provision };
}

function prepare({ pod, cluster }: Cycle): Claims | Rejection | undefined {
  return sort(pod.pod, cluster);
}

export const volumeBinding: Plugin = {
  name,
  wakes: [
    {
      source: "StorageClass",
      actions: action.add | action.updateOther,
      hint: (_, { old, object }) => !old || !same((old as StorageClass).allowedTopologies, (object as StorageClass).allowedTopologies),
    },
    {
      source: "PersistentVolumeClaim",
      actions: action.add | action.updateOther,
      hint: (pod, { object }) => object?.metadata.namespace === pod.metadata.namespace && claimsOf(pod).some((claim) => claim.name === object?.metadata.name),
    },
    { source: "PersistentVolume", actions: action.add | action.updateOther },
    { source: "Node", actions: action.add | action.updateLabel },
    { source: "CSINode", actions: action.add },
    {
      source: "CSIStorageCapacity",
      actions: action.add | action.updateOther,
      hint(_, { old, object }) {
        const [before, after] = [old && limitOf(old as CSIStorageCapacity), limitOf(object as CSIStorageCapacity)];
        return !old || (after !== undefined && (before === undefined || parseQuantity(after).cmp(parseQuantity(before)) > 0));
      },
    },
    { source: "CSIDriver", actions: action.updateOther },
  ],
  filter(cycle) {
    const claims = prepare(cycle);
    if (!claims) return "skip";
    if ("reasons" in claims) return claims;
    return {
      check({ rows }, row) {
        const result = plan(claims, rows[row]!, cycle.cluster);
        return "reasons" in result ? result : undefined;
      },
    };
  },
  reserve(cycle, row) {
    const claims = prepare(cycle);
    if (!claims) return undefined;
    if ("reasons" in claims) return claims;
    if (!claims.waiting.length) return undefined;
    const result = plan(claims, cycle.snapshot.rows[row]!, cycle.cluster);
    if ("reasons" in result) return result;
    const { volumes } = cycle.cluster;
    const assumed = volumes.assume(result);
    return { unreserve: () => volumes.forget(assumed), preBind: (signal) => volumes.bind(cycle.pod.pod, assumed, signal) };
  },
};
