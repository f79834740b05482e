/** The garbage collector's dealings with the server: reading owners, deleting, orphaning, taking finalizers away. */
import type { KubeObject } from "../../api/object.ts";
import { conflict, isConflict, isNotFound, StatusError } from "../../api/status.ts";
import type { OwnerReference } from "../../api/types/meta-v1.gen.ts";
import type { ResourceClient } from "../../client/client.ts";
import { retryOnConflict } from "../../client/retry.ts";
import type { ControllerContext } from "../runtime/controller.ts";
import { semanticEqual } from "../runtime/equal.ts";
import { settleAll } from "../runtime/parallel.ts";
import { foregroundFinalizer, type Graph, type GraphNode, type Identity, orphanFinalizer, waitsForDependents } from "./graph.ts";
import type { Monitors } from "./monitors.ts";

/** The reference is to a kind that the server does not know, perhaps not yet. */
export class UnknownKindError extends Error {
  override name = "UnknownKindError";
}

interface Place {
  api: ResourceClient<KubeObject>;
  namespace: string;
}

export class Collector {
  readonly #context: ControllerContext;
  readonly #graph: Graph;
  readonly #monitors: Monitors;

  constructor(context: ControllerContext, graph: Graph, monitors: Monitors) {
    this.#context = context;
    this.#graph = graph;
    this.#monitors = monitors;
  }

  /** Deletes the node's object if all its owners are gone, or advances its foreground deletion. True: ask again later. */
  async attemptToDelete(node: GraphNode, queue: (node: GraphNode) => void): Promise<boolean> {
    if (node.beingDeleted && !node.deletingDependents) return false;
    const place = await this.#place(node.identity);
    if (!place) return false;
    const latest = await this.#get(place, node.identity.name);
    if (latest?.metadata.uid !== node.identity.uid) {
      this.#graph.absent(node.identity);
      return false;
    }
    if (node.deletingDependents) {
      const blocking = blockingDependents(node).filter((dependent) => !isWaitingFor(dependent, node));
      if (blocking.length === 0) await this.removeFinalizer(node, foregroundFinalizer);
      for (const dependent of blocking) if (!dependent.deletingDependents) queue(dependent);
      return node.virtual;
    }
    const references = latest.metadata.ownerReferences ?? [];
    if (references.length > 0) await this.#judge(node, place, latest, references);
    return node.virtual;
  }

  async #judge(node: GraphNode, place: Place, latest: KubeObject, references: readonly OwnerReference[]): Promise<void> {
    let solid = 0;
    const gone: OwnerReference[] = [];
    const waiting: OwnerReference[] = [];
    for (const reference of references) {
      const owner = await this.#owner(reference, node.identity.namespace);
      if (owner === "invalid") return;
      if (!owner) gone.push(reference);
      else if (waitsForDependents(owner)) waiting.push(reference);
      else solid++;
    }
    if (solid > 0) {
      if (gone.length + waiting.length > 0) await this.#dropOwners(node, place, [...gone, ...waiting]);
      return;
    }
    if (waiting.length > 0 && node.dependents.size > 0) {
      // Two that wait for each other would wait for ever.
      if ([...node.dependents].some((d) => d.deletingDependents)) await this.#unblock(node, place);
      return await this.#delete(node, place, latest, "Foreground");
    }
    const finalizers = latest.metadata.finalizers ?? [];
    const policy = finalizers.includes(orphanFinalizer) ? "Orphan" : finalizers.includes(foregroundFinalizer) ? "Foreground" : "Background";
    await this.#delete(node, place, latest, policy);
  }

  /** Takes the owner out of all its dependents, then lets it go. */
  async orphanDependents(node: GraphNode): Promise<void> {
    const results = await settleAll([...node.dependents], async (dependent) => {
      const place = await this.#place(dependent.identity);
      const reference = dependent.owners.find((o) => o.uid === node.identity.uid);
      if (place && reference) await this.#dropOwners(dependent, place, [reference]);
    });
    const failed = results.find((r) => r.status === "rejected");
    if (failed) throw failed.reason;
    await this.removeFinalizer(node, orphanFinalizer);
  }

  async removeFinalizer(node: GraphNode, finalizer: string): Promise<void> {
    const { clock, signal } = this.#context;
    const place = await this.#place(node.identity);
    if (!place) return;
    await retryOnConflict(
      clock,
      async () => {
        const latest = await this.#get(place, node.identity.name);
        const { finalizers = [], resourceVersion } = latest?.metadata ?? {};
        if (latest?.metadata.uid !== node.identity.uid || !finalizers.includes(finalizer)) return;
        const metadata = { resourceVersion, finalizers: finalizers.filter((f) => f !== finalizer) };
        await ignoringNotFound(place.api.patch(place.namespace, node.identity.name, "merge", { metadata }, { signal }));
      },
      { signal },
    );
  }

  /** Where the object lives; undefined for a namespaced kind that a cluster-scoped object refers to. */
  async #place(identity: Identity): Promise<Place | undefined> {
    const resource = await this.#monitors.resolve(identity.apiVersion, identity.kind);
    if (!resource) throw new UnknownKindError(`no matches for kind ${JSON.stringify(identity.kind)} in version ${JSON.stringify(identity.apiVersion)}`);
    if (resource.namespaced && !identity.namespace) return undefined;
    return { api: this.#context.client.resource(resource), namespace: resource.namespaced ? identity.namespace : "" };
  }

  async #get(place: Place, name: string): Promise<KubeObject | undefined> {
    return await ignoringNotFound(place.api.get(place.namespace, name, { signal: this.#context.signal }));
  }

  /** The live owner; undefined when it is gone, "invalid" when it can never be found. */
  async #owner({ apiVersion, kind, name, uid }: OwnerReference, namespace: string): Promise<KubeObject | "invalid" | undefined> {
    const identity = { apiVersion, kind, name, uid, namespace };
    if (this.#graph.isAbsent(identity) || this.#graph.isAbsent({ ...identity, namespace: "" })) return undefined;
    const place = await this.#place(identity);
    if (!place) return "invalid";
    const owner = await this.#get(place, name);
    if (owner?.metadata.uid === uid) return owner;
    this.#graph.markAbsent({ ...identity, namespace: place.namespace });
    return undefined;
  }

  async #delete(node: GraphNode, place: Place, latest: KubeObject, propagationPolicy: string): Promise<void> {
    const { signal } = this.#context;
    const { name, uid } = node.identity;
    const { resourceVersion, ownerReferences } = latest.metadata;
    try {
      await place.api.delete(place.namespace, name, { preconditions: { uid, resourceVersion }, propagationPolicy, signal }).catch(async (error) => {
        if (!isConflict(error)) throw error;
        const live = await place.api.get(place.namespace, name, { signal });
        if (live.metadata.uid !== uid || !semanticEqual(live.metadata.ownerReferences, ownerReferences)) throw error;
        // It changed, but not in what was judged: an object that changes all the time must not live for ever.
        await place.api.delete(place.namespace, name, { preconditions: { uid }, propagationPolicy, signal });
      });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      this.#graph.absent(node.identity);
    }
  }

  async #dropOwners(node: GraphNode, place: Place, owners: readonly OwnerReference[]): Promise<void> {
    const gone = new Set(owners.map((o) => o.uid));
    const strategic = { metadata: { uid: node.identity.uid, ownerReferences: [...gone].map((uid) => ({ $patch: "delete", uid })) } };
    await this.#patchOwners(node, place, strategic, (live) => live.filter((o) => !gone.has(o.uid)));
  }

  async #unblock(node: GraphNode, place: Place): Promise<void> {
    const ownerReferences = node.owners.filter((o) => o.blockOwnerDeletion).map((o) => ({ ...o, blockOwnerDeletion: false }));
    const strategic = { metadata: { uid: node.identity.uid, ownerReferences } };
    await this.#patchOwners(node, place, strategic, (live) => live.map((o) => ({ ...o, blockOwnerDeletion: false })));
  }

  /** Custom resources know no strategic merge: there the whole list is replaced. */
  async #patchOwners(node: GraphNode, place: Place, strategic: object, change: (live: OwnerReference[]) => OwnerReference[]): Promise<void> {
    const { signal } = this.#context;
    const { name, uid } = node.identity;
    try {
      await ignoringNotFound(place.api.patch(place.namespace, name, "strategic", strategic, { signal }));
    } catch (error) {
      if (!(error instanceof StatusError && error.code === 415)) throw error;
      const live = await this.#get(place, name);
      if (!live) return;
      if (live.metadata.uid !== uid) throw conflict(node.identity.kind, name, "it is another object by now");
      const ownerReferences = change(live.metadata.ownerReferences ?? []);
      await ignoringNotFound(
        place.api.patch(place.namespace, name, "merge", { metadata: { resourceVersion: live.metadata.resourceVersion, ownerReferences } }, { signal }),
      );
    }
  }
}

const blockingDependents = (node: GraphNode): GraphNode[] =>
  [...node.dependents].filter((d) => d.owners.some((o) => o.uid === node.identity.uid && o.blockOwnerDeletion));

/** It waits for dependents of its own that, however far down, are the other one: in a circle somebody has to go first. */
function isWaitingFor(node: GraphNode, other: GraphNode): boolean {
  const seen = new Set<GraphNode>();
  const next = [node];
  for (let one = next.pop(); one; one = next.pop()) {
    if (one === other) return true;
    if (seen.has(one) || !one.deletingDependents) continue;
    seen.add(one);
    next.push(...blockingDependents(one));
  }
  return false;
}

async function ignoringNotFound<R>(answer: Promise<R>): Promise<R | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
