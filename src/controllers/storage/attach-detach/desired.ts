/** Which volume is wanted on which node, and by whom: kept as pods come and go. A volume once wanted by a pod stays so until the pod ends. */
import type { Pod } from "../../../api/types/core-v1.gen.ts";
import { type Attachable, attachablesOf, isTerminated, type Lookup } from "./attachable.ts";

interface Held {
  pod: Pod;
  node: string;
  volumes: Map<string, Attachable>;
}

export class Desired {
  readonly #lookup: Lookup;
  readonly #changed: (unique: string) => void;
  readonly #byPod = new Map<string, Held>();
  /** Volume, node, uid of the pod. */
  readonly #byVolume = new Map<string, Map<string, Map<string, Pod>>>();
  readonly #volumes = new Map<string, Attachable>();
  readonly #byNode = new Map<string, Set<string>>();

  /** `changed` is told of each volume that somebody begins or ceases to want somewhere. */
  constructor(lookup: Lookup, changed: (unique: string) => void) {
    this.#lookup = lookup;
    this.#changed = changed;
  }

  update(pod: Pod): void {
    const { nodeName } = pod.spec;
    if (!nodeName) return;
    if (isTerminated(pod)) this.remove(pod);
    else for (const attachable of attachablesOf(pod, this.#lookup)) this.#add(pod, nodeName, attachable);
  }

  remove(pod: Pod): void {
    const held = this.#byPod.get(pod.metadata.uid);
    for (const unique of held?.volumes.keys() ?? []) this.#drop(pod.metadata.uid, unique);
  }

  /** After a CSIDriver has said that it does not attach. */
  dropDriver(driver: string): void {
    for (const [uid, { volumes }] of [...this.#byPod]) {
      for (const { unique, csi } of [...volumes.values()]) if (csi?.driver === driver) this.#drop(uid, unique);
    }
  }

  volume(unique: string): Attachable | undefined {
    return this.#volumes.get(unique);
  }
  /** By node, the pods that want the volume there. */
  nodes(unique: string): ReadonlyMap<string, ReadonlyMap<string, Pod>> {
    return this.#byVolume.get(unique) ?? new Map();
  }
  /** Volumes, once for each node that is to have them. */
  *wanted(): Iterable<string> {
    for (const [unique, nodes] of this.#byVolume) for (const _ of nodes) yield unique;
  }
  /** Nodes and volumes, once for each pod. */
  *used(): Iterable<[node: string, unique: string]> {
    for (const { node, volumes } of this.#byPod.values()) for (const unique of volumes.keys()) yield [node, unique];
  }
  on(node: string): readonly string[] {
    return [...(this.#byNode.get(node) ?? [])];
  }

  #add(pod: Pod, node: string, attachable: Attachable): void {
    const { uid } = pod.metadata;
    const held = this.#byPod.get(uid) ?? { pod, node, volumes: new Map() };
    this.#byPod.set(uid, held);
    if (held.volumes.has(attachable.unique)) return;
    held.volumes.set(attachable.unique, attachable);
    this.#volumes.set(attachable.unique, attachable);
    const nodes = this.#byVolume.get(attachable.unique) ?? new Map<string, Map<string, Pod>>();
    this.#byVolume.set(attachable.unique, nodes);
    const pods = nodes.get(node) ?? new Map<string, Pod>();
    nodes.set(node, pods);
    pods.set(uid, pod);
    this.#byNode.set(node, (this.#byNode.get(node) ?? new Set()).add(attachable.unique));
    this.#changed(attachable.unique);
  }

  #drop(uid: string, unique: string): void {
    const held = this.#byPod.get(uid);
    if (!held?.volumes.delete(unique)) return;
    if (!held.volumes.size) this.#byPod.delete(uid);
    const nodes = this.#byVolume.get(unique);
    const pods = nodes?.get(held.node);
    pods?.delete(uid);
    if (!pods?.size) {
      nodes?.delete(held.node);
      const here = this.#byNode.get(held.node);
      here?.delete(unique);
      if (!here?.size) this.#byNode.delete(held.node);
    }
    if (!nodes?.size) {
      this.#byVolume.delete(unique);
      this.#volumes.delete(unique);
    }
    this.#changed(unique);
  }
}
