/**
 * Who owns whom, as far as it has been seen (k8s.io/kubernetes/pkg/controller/garbagecollector/graph_builder.go).
 *
 * An owner that has only been heard of through a reference is a virtual node; whether it exists must be asked. Pure: the
 * graph says which nodes to look at, and acts on nothing.
 */
import type { KubeObject } from "../../api/object.ts";
import type { OwnerReference } from "../../api/types/meta-v1.gen.ts";
import { RecentMap } from "../../base/recent-map.ts";

export interface Identity {
  apiVersion: string;
  kind: string;
  namespace: string;
  name: string;
  uid: string;
}

export interface GraphNode {
  identity: Identity;
  owners: readonly OwnerReference[];
  dependents: Set<GraphNode>;
  virtual: boolean;
  beingDeleted: boolean;
  /** Waits for its dependents to go first (foreground deletion). */
  deletingDependents: boolean;
}

export interface GraphQueue {
  /** Ask whether this node should go. */
  attemptToDelete(node: GraphNode): void;
  /** Take this owner out of its dependents. */
  attemptToOrphan(node: GraphNode): void;
  /** A namespaced owner in another namespace: never valid. */
  invalidNamespace(dependent: GraphNode, reference: OwnerReference): void;
}

export const foregroundFinalizer = "foregroundDeletion";
export const orphanFinalizer = "orphan";

export const sameIdentity = (a: Identity, b: Identity): boolean =>
  a.uid === b.uid && a.name === b.name && a.kind === b.kind && a.apiVersion === b.apiVersion && a.namespace === b.namespace;
const refersTo = (reference: OwnerReference, identity: Identity): boolean =>
  reference.uid === identity.uid && reference.name === identity.name && reference.kind === identity.kind && reference.apiVersion === identity.apiVersion;
const keyOfIdentity = (i: Identity): string => [i.apiVersion, i.kind, i.namespace, i.name, i.uid].join("\n");

export class Graph {
  readonly nodes = new Map<string, GraphNode>();
  readonly #absent = new RecentMap<true>(500);
  readonly #queue: GraphQueue;

  constructor(queue: GraphQueue) {
    this.#queue = queue;
  }

  /** Confirmed by the server not to exist; cluster-scoped when namespace is "". */
  isAbsent(identity: Identity): boolean {
    return this.#absent.get(keyOfIdentity(identity)) === true;
  }
  markAbsent(identity: Identity): void {
    this.#absent.set(keyOfIdentity(identity), true);
  }

  /** An object as its watch shows it. */
  observed(old: KubeObject | undefined, object: KubeObject, type: { apiVersion: string; kind: string }): void {
    const { uid, name, namespace = "", ownerReferences: owners = [], deletionTimestamp } = object.metadata;
    const identity: Identity = { ...type, namespace, name, uid };
    let node = this.nodes.get(uid);
    if (!node) {
      node = {
        identity,
        owners,
        dependents: new Set(),
        virtual: false,
        beingDeleted: deletionTimestamp !== undefined,
        deletingDependents: waitsForDependents(object),
      };
      this.nodes.set(uid, node);
      this.#link(node, owners);
    } else {
      if (node.virtual) this.#identify(node, identity);
      this.#changeOwners(node, owners);
      if (deletionTimestamp) node.beingDeleted = true;
    }
    if (startsDeletionWith(old, object, orphanFinalizer)) this.#queue.attemptToOrphan(node);
    else if (startsDeletionWith(old, object, foregroundFinalizer)) {
      node.deletingDependents = true;
      for (const dependent of node.dependents) this.#queue.attemptToDelete(dependent);
      this.#queue.attemptToDelete(node);
    }
  }

  /** An object that its watch has shown to be gone. */
  deleted(uid: string): void {
    const node = this.nodes.get(uid);
    if (node) this.#remove(node);
  }

  /** The server says that there is no such object: what an identity, perhaps a wrong one, led to. */
  absent(identity: Identity): void {
    const node = this.nodes.get(identity.uid);
    if (!node) return;
    const same = sameIdentity(node.identity, identity);
    const { matching, others } = partition(node.dependents, identity);
    if (node.virtual ? others.length === 0 : same) {
      this.#remove(node);
      return;
    }
    if (matching.length > 0) {
      this.markAbsent(identity);
      for (const dependent of matching) this.#queue.attemptToDelete(dependent);
    }
    if (!node.virtual || !same) return;
    const alternative = alternativeIdentity(others, identity);
    if (!alternative) return;
    node.identity = alternative;
    this.#queue.attemptToDelete(node);
  }

  #remove(node: GraphNode): void {
    this.nodes.delete(node.identity.uid);
    for (const { uid } of node.owners) {
      const owner = this.nodes.get(uid);
      owner?.dependents.delete(node);
      if (owner?.deletingDependents) this.#queue.attemptToDelete(owner);
    }
    if (node.dependents.size > 0) this.markAbsent(node.identity);
    for (const dependent of node.dependents) this.#queue.attemptToDelete(dependent);
  }

  /** A virtual node turns out to be this. */
  #identify(node: GraphNode, identity: Identity): void {
    if (!sameIdentity(node.identity, identity)) {
      for (const dependent of partition(node.dependents, identity).others) {
        const reference = dependent.owners.find((o) => o.uid === identity.uid);
        if (identity.namespace && dependent.identity.namespace !== identity.namespace && reference) this.#queue.invalidNamespace(dependent, reference);
        this.#queue.attemptToDelete(dependent);
      }
    }
    node.identity = identity;
    node.virtual = false;
  }

  #changeOwners(node: GraphNode, owners: readonly OwnerReference[]): void {
    const before = new Map(node.owners.map((o) => [o.uid, o]));
    const after = new Map(owners.map((o) => [o.uid, o]));
    node.owners = owners;
    for (const [uid, old] of before) {
      const owner = this.nodes.get(uid);
      if (!after.has(uid)) owner?.dependents.delete(node);
      if (owner && old.blockOwnerDeletion && !after.get(uid)?.blockOwnerDeletion) this.#queue.attemptToDelete(owner);
    }
    this.#link(
      node,
      owners.filter((o) => !before.has(o.uid)),
    );
  }

  /** Enters the node with its owners; unknown ones become virtual. */
  #link(node: GraphNode, owners: readonly OwnerReference[]): void {
    let doubtful = false;
    for (const reference of owners) {
      const { apiVersion, kind, name, uid } = reference;
      let owner = this.nodes.get(uid);
      if (!owner) {
        const identity = { apiVersion, kind, name, uid, namespace: node.identity.namespace };
        owner = { identity, owners: [], dependents: new Set(), virtual: true, beingDeleted: false, deletingDependents: false };
        this.nodes.set(uid, owner);
        owner.dependents.add(node);
        this.#queue.attemptToDelete(owner);
        continue;
      }
      owner.dependents.add(node);
      const elsewhere = owner.identity.namespace !== node.identity.namespace;
      if (owner.identity.namespace && elsewhere) {
        if (!owner.virtual) this.#queue.invalidNamespace(node, reference);
        doubtful = true;
      } else if (!refersTo(reference, owner.identity) || (!owner.identity.namespace && elsewhere && owner.virtual)) doubtful = true;
    }
    if (doubtful) this.#queue.attemptToDelete(node);
  }
}

export const waitsForDependents = (object: KubeObject): boolean =>
  object.metadata.deletionTimestamp !== undefined && (object.metadata.finalizers ?? []).includes(foregroundFinalizer);

function startsDeletionWith(old: KubeObject | undefined, object: KubeObject, finalizer: string): boolean {
  const ending = (o: KubeObject): boolean => o.metadata.deletionTimestamp !== undefined && (o.metadata.finalizers ?? []).includes(finalizer);
  return ending(object) && !(old && ending(old));
}

/** Dependents that mean this identity, and those that mean another object by the same uid. */
function partition(dependents: Iterable<GraphNode>, identity: Identity): { matching: GraphNode[]; others: GraphNode[] } {
  const matching: GraphNode[] = [];
  const others: GraphNode[] = [];
  for (const dependent of dependents) {
    const sameScope = !identity.namespace || dependent.identity.namespace === identity.namespace;
    const references = dependent.owners.filter((o) => o.uid === identity.uid);
    if (sameScope && references.some((o) => refersTo(o, identity))) matching.push(dependent);
    if (!sameScope || references.some((o) => !refersTo(o, identity))) others.push(dependent);
  }
  return { matching, others };
}

/** The next other object that the dependents may mean; in a fixed order, so that each gets its turn. */
function alternativeIdentity(dependents: readonly GraphNode[], absent: Identity): Identity | undefined {
  const found = new Map<string, Identity>();
  for (const dependent of dependents) {
    for (const { apiVersion, kind, name, uid } of dependent.owners) {
      if (uid !== absent.uid) continue;
      const clusterScoped = !absent.namespace && apiVersion === absent.apiVersion && kind === absent.kind;
      const identity = { apiVersion, kind, name, uid, namespace: clusterScoped ? "" : dependent.identity.namespace };
      if (!sameIdentity(identity, absent)) found.set(orderOf(identity), identity);
    }
  }
  const keys = [...found.keys()].sort();
  return found.get(keys.find((key) => key > orderOf(absent)) ?? keys[0] ?? "");
}
const orderOf = (i: Identity): string => [i.kind, i.apiVersion, i.namespace, i.name, i.uid].join("\0");
