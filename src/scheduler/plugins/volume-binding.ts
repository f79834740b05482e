/** Volumes of a pod: bound ones must be reachable from the node, unbound ones must find or get a volume there. */
import { parseQuantity } from "../../api/quantity.ts";
import { selectorOf } from "../../api/selectors/labels.ts";
import type { CSIDriver, CSIStorageCapacity, StorageClass } from "../../api/types/storage-v1.gen.ts";
import type { PersistentVolume, PersistentVolumeClaim, Pod } from "../../api/types/core-v1.gen.ts";
import type { NodeRow } from "../cache/snapshot.ts";
import type { ClusterView } from "../framework/cluster-view.ts";
import { action } from "../framework/events.ts";
import { type Cycle, type Plugin, type Rejection, rejection } from "../framework/plugin.ts";
import { same } from "../framework/same.ts";
import type { VolumePlan } from "../framework/volume-plan.ts";
import type { PluginArgs } from "../plugin-args.ts";
import { findMatchingVolume, reaches, requestedSize } from "./matching-volume.ts";
import { claimsOf, classOf, isBound, isOfPod, usableClaims } from "./pod-claims.ts";

const name = "VolumeBinding";
const unbound = rejection(name, false, "pod has unbound immediate PersistentVolumeClaims");
const elsewhere = rejection(name, false, "node(s) didn't match PersistentVolume's node affinity");
const nothingToBind = rejection(name, false, "node(s) didn't find available persistent volumes to bind");
const noSpace = rejection(name, false, "node(s) did not have enough free storage");
const missingVolume = rejection(name, false, "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)");
const migratedPlugins = "storage.alpha.kubernetes.io/migrated-plugins";
const selectedNode = "volume.kubernetes.io/selected-node";

interface Claims {
  readonly bound: readonly PersistentVolumeClaim[];
  /** Wait for a volume on the node that has been chosen for them. */
  readonly chosen: readonly PersistentVolumeClaim[];
  /** Wait for a node, the smallest first. */
  readonly unchosen: readonly PersistentVolumeClaim[];
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
  const isChosen = ({ metadata }: PersistentVolumeClaim): boolean => metadata.annotations?.[selectedNode] !== undefined;
  const unchosen = waiting.filter((claim) => !isChosen(claim)).sort((a, b) => requestedSize(a).cmp(requestedSize(b)));
  return { bound, chosen: waiting.filter(isChosen), unchosen, volumes: unchosen.length ? cluster.pvs() : [] };
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
  const size = requestedSize(claim).value();
  return cluster.csiCapacities().some((capacity) => {
    const limit = limitOf(capacity);
    if (capacity.storageClassName !== metadata.name || limit === undefined || parseQuantity(limit).value() < size) return false;
    return capacity.nodeTopology !== undefined && selectorOf(capacity.nodeTopology).matches(node.labels);
  });
}

/** Why bound claims cannot be used on the node. */
function boundProblem(bound: readonly PersistentVolumeClaim[], node: NodeRow, cluster: ClusterView): Rejection | undefined {
  for (const { spec } of bound) {
    const volume = cluster.pv(spec.volumeName as string);
    if (!volume) return missingVolume;
    if (!reaches(volume, node)) return elsewhere;
  }
  return undefined;
}

/** What becomes of claims that wait for a node. */
function planWaiting({ chosen, unchosen, volumes }: Claims, node: NodeRow, cluster: ClusterView): VolumePlan | Rejection {
  if (chosen.some(({ metadata }) => metadata.annotations?.[selectedNode] !== node.name)) return nothingToBind;
  const bindings: VolumePlan["bindings"][number][] = [];
  const provision = [...chosen];
  const taken = new Set<string>();
  for (const claim of unchosen) {
    const volume = findMatchingVolume(claim, volumes, node, taken);
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

/** Both at once, in upstream's order. */
const both = new Map(
  [nothingToBind, noSpace].flatMap((waiting) => [
    [`${elsewhere.reasons}/${waiting.reasons}`, rejection(name, false, ...elsewhere.reasons, ...waiting.reasons)],
    [`${missingVolume.reasons}/${waiting.reasons}`, rejection(name, false, ...waiting.reasons, ...missingVolume.reasons)],
  ]),
);

function plan(claims: Claims, node: NodeRow, cluster: ClusterView): VolumePlan | Rejection {
  const problem = boundProblem(claims.bound, node, cluster);
  if (!claims.chosen.length && !claims.unchosen.length) return problem ?? { node: node.name, bindings: [], provision: [] };
  const waiting = planWaiting(claims, node, cluster);
  if (!problem) return waiting;
  return "reasons" in waiting ? (both.get(`${problem.reasons}/${waiting.reasons}`) ?? problem) : problem;
}

function prepare({ pod, cluster }: Cycle): Claims | Rejection | undefined {
  return sort(pod.pod, cluster);
}

export const volumeBinding = ({ bindTimeoutSeconds }: PluginArgs["VolumeBinding"]): Plugin => ({
  name,
  wakes: [
    {
      source: "StorageClass",
      actions: action.add | action.updateOther,
      hint: (_, { old, object }) => !old || !same((old as StorageClass).allowedTopologies ?? [], (object as StorageClass).allowedTopologies ?? []),
    },
    {
      source: "PersistentVolumeClaim",
      actions: action.add | action.updateOther,
      hint: isOfPod(claimsOf),
    },
    { source: "PersistentVolume", actions: action.add | action.updateOther },
    { source: "Node", actions: action.add | action.updateLabel },
    {
      source: "CSINode",
      actions: action.add | action.updateOther,
      hint: (_, { old, object }) => !old || old.metadata.annotations?.[migratedPlugins] !== object?.metadata.annotations?.[migratedPlugins],
    },
    {
      source: "CSIStorageCapacity",
      actions: action.add | action.updateOther,
      hint(_, { old, object }) {
        const [before, after] = [old && limitOf(old as CSIStorageCapacity), limitOf(object as CSIStorageCapacity)];
        return !old || (after !== undefined && (before === undefined || parseQuantity(after).value() > parseQuantity(before).value()));
      },
    },
    {
      source: "CSIDriver",
      actions: action.updateOther,
      hint: (pod, { old, object }) =>
        Boolean((old as CSIDriver).spec.storageCapacity && !(object as CSIDriver).spec.storageCapacity) &&
        (pod.spec.volumes ?? []).some(({ csi }) => csi?.driver === object?.metadata.name),
    },
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
    if (!claims.chosen.length && !claims.unchosen.length) return undefined;
    const result = plan(claims, cycle.snapshot.rows[row]!, cycle.cluster);
    if ("reasons" in result) return result;
    const { volumes } = cycle.cluster;
    const assumed = volumes.assume(result);
    return { unreserve: () => volumes.forget(assumed), preBind: (signal) => volumes.bind(cycle.pod.pod, assumed, bindTimeoutSeconds * 1000, signal) };
  },
});
