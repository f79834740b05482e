/** What each node may see because of the pods that are bound to it (plugin/pkg/auth/authorizer/node/graph.go). */
import type { KubeObject } from "../../api/object.ts";
import type { PersistentVolume, Pod } from "../../api/types/core-v1.gen.ts";
import type { Reader } from "../../cache/cache.ts";
import { podClaims, podConfigMaps, podResourceClaims, podSecrets, volumeSecrets } from "../../api/core/pod-references.ts";

export type GraphKind = "configmap" | "resourceslice" | "pod" | "pvc" | "pv" | "resourceclaim" | "secret" | "volumeattachment" | "serviceaccount";

interface Contribution {
  node: string;
  keys: string[];
  /** What decides whether a changed object has to be looked at again. */
  state: string;
}

const keyOf = (kind: GraphKind, namespace: string, name: string): string => `${kind} ${namespace}/${name}`;
const mirror = "kubernetes.io/config.mirror";

export class NodeGraph {
  readonly #reader: Reader;
  /** For each object the nodes that see it, with the number of things that say so. */
  readonly #nodes = new Map<string, Map<string, number>>();
  readonly #contributions = new Map<string, Contribution>();
  /** Volume name -> key of its claim, and what secrets it needs. */
  readonly #volumes = new Map<string, { claim: string; secrets: string[] }>();
  readonly #volumesBySecret = new Map<string, Set<string>>();

  constructor(reader: Reader) {
    this.#reader = reader;
    this.#follow("pods", (namespace, name) => this.#pod(namespace, name));
    this.#follow("persistentvolumes", (_, name) => this.#volume(name));
    this.#follow("volumeattachments.storage.k8s.io", (_, name) => this.#simple("volumeattachment", "volumeattachments.storage.k8s.io", name));
    this.#follow("resourceslices.resource.k8s.io", (_, name) => this.#simple("resourceslice", "resourceslices.resource.k8s.io", name));
  }
  /** Whether the object is related to the node. */
  related(node: string, kind: GraphKind, namespace: string, name: string): boolean {
    const key = keyOf(kind, namespace, name);
    if (this.#nodes.get(key)?.has(node)) return true;
    if (kind === "pv") return this.#seesVolume(node, name);
    if (kind !== "secret") return false;
    for (const volume of this.#volumesBySecret.get(key) ?? []) if (this.#seesVolume(node, volume)) return true;
    return false;
  }
  #seesVolume(node: string, volume: string): boolean {
    const claim = this.#volumes.get(volume)?.claim;
    return claim !== undefined && (this.#nodes.get(claim)?.has(node) ?? false);
  }
  #follow(resource: string, update: (namespace: string, name: string) => void): void {
    for (const { metadata } of this.#reader.list<KubeObject>(resource)) update(metadata.namespace ?? "", metadata.name);
    this.#reader.onChange(resource, update);
  }
  #set(owner: string, next: Contribution | undefined): void {
    const old = this.#contributions.get(owner);
    if (old) {
      for (const key of old.keys) {
        const counts = this.#nodes.get(key);
        const left = (counts?.get(old.node) ?? 1) - 1;
        if (left > 0) counts?.set(old.node, left);
        else counts?.delete(old.node);
        if (counts?.size === 0) this.#nodes.delete(key);
      }
      this.#contributions.delete(owner);
    }
    if (!next) return;
    this.#contributions.set(owner, next);
    for (const key of next.keys) {
      let counts = this.#nodes.get(key);
      if (!counts) {
        counts = new Map();
        this.#nodes.set(key, counts);
      }
      counts.set(next.node, (counts.get(next.node) ?? 0) + 1);
    }
  }
  #pod(namespace: string, name: string): void {
    const owner = keyOf("pod", namespace, name);
    const pod = this.#reader.get<Pod>("pods", namespace, name);
    const node = pod?.spec.nodeName;
    if (!pod || !node) {
      this.#set(owner, undefined);
      return;
    }
    const claims = podResourceClaims(pod);
    const state = JSON.stringify([node, pod.metadata.uid, pod.spec.ephemeralContainers?.length ?? 0, claims]);
    if (this.#contributions.get(owner)?.state === state) return;
    const keys = [owner];
    // A node makes its mirror pods itself: they must not open anything to it.
    if (pod.metadata.annotations?.[mirror] === undefined) {
      if (pod.spec.serviceAccountName) keys.push(keyOf("serviceaccount", namespace, pod.spec.serviceAccountName));
      for (const secret of podSecrets(pod)) keys.push(keyOf("secret", namespace, secret));
      for (const map of podConfigMaps(pod)) keys.push(keyOf("configmap", namespace, map));
      for (const claim of podClaims(pod)) keys.push(keyOf("pvc", namespace, claim));
      for (const claim of claims) keys.push(keyOf("resourceclaim", namespace, claim));
    }
    this.#set(owner, { node, keys: [...new Set(keys)], state });
  }
  #simple(kind: GraphKind, resource: string, name: string): void {
    const owner = keyOf(kind, "", name);
    const node = this.#reader.get<KubeObject & { spec: { nodeName?: string } }>(resource, "", name)?.spec.nodeName;
    if (node && this.#contributions.get(owner)?.node === node) return;
    this.#set(owner, node ? { node, keys: [owner], state: "" } : undefined);
  }
  #volume(name: string): void {
    for (const secret of this.#volumes.get(name)?.secrets ?? []) {
      const set = this.#volumesBySecret.get(secret);
      set?.delete(name);
      if (set?.size === 0) this.#volumesBySecret.delete(secret);
    }
    this.#volumes.delete(name);
    const volume = this.#reader.get<PersistentVolume>("persistentvolumes", "", name);
    const ref = volume?.spec.claimRef;
    if (!volume || !ref) return;
    const secrets = volumeSecrets(volume).map((secret) => `secret ${secret}`);
    this.#volumes.set(name, { claim: keyOf("pvc", ref.namespace ?? "", ref.name ?? ""), secrets });
    for (const secret of secrets) {
      const set = this.#volumesBySecret.get(secret);
      if (set) set.add(name);
      else this.#volumesBySecret.set(secret, new Set([name]));
    }
  }
}
