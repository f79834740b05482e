/** Pods that others have made room for: they are counted where they are awaited, so that nobody takes the room. */
import type { Snapshot } from "../cache/snapshot.ts";
import { type PodChange, type Rejection, rejection } from "./plugin.ts";
import type { PodInfo } from "./pod-info.ts";
import type { PreparedFilters } from "./prepared-filters.ts";

export const noNodesAvailable = rejection("", false, "no nodes available to schedule pods");

export class Nominations {
  readonly #byNode = new Map<string, Map<string, PodInfo>>();
  readonly #nodeOf = new Map<string, string>();

  get empty(): boolean {
    return this.#nodeOf.size === 0;
  }
  nodeOf(uid: string): string | undefined {
    return this.#nodeOf.get(uid);
  }
  on(node: string): Iterable<PodInfo> {
    return this.#byNode.get(node)?.values() ?? [];
  }

  add(info: PodInfo, node: string): void {
    this.delete(info.uid);
    const pods = this.#byNode.get(node) ?? new Map<string, PodInfo>();
    pods.set(info.uid, info);
    this.#byNode.set(node, pods);
    this.#nodeOf.set(info.uid, node);
  }

  delete(uid: string): void {
    const node = this.#nodeOf.get(uid);
    if (node === undefined) return;
    this.#nodeOf.delete(uid);
    const pods = this.#byNode.get(node);
    pods?.delete(uid);
    if (pods?.size === 0) this.#byNode.delete(node);
  }

  /** Must fit with the awaited pods that matter no less, and without them too: affinity may need either. */
  check(prepared: PreparedFilters, pod: PodInfo, snapshot: Snapshot, row: number): Rejection | undefined {
    return this.checkAlone(prepared, pod, snapshot, row, []);
  }

  /** The same, where changes have been made to a row that stands alone already. */
  checkAlone(prepared: PreparedFilters, pod: PodInfo, snapshot: Snapshot, row: number, changes: readonly PodChange[]): Rejection | undefined {
    const node = snapshot.rows[row];
    const awaited = node && this.#byNode.get(node.name);
    if (node && awaited) {
      const coming = [...awaited.values()].filter((other) => other.priority >= pod.priority && other.uid !== pod.uid);
      if (coming.length) {
        const alone = snapshot.alone(row);
        for (const info of coming) alone.addPod(0, info);
        const rejected = prepared.adjusted([...changes, ...coming.map((info): PodChange => ({ info, sign: 1, row: node.index }))])(alone, 0);
        if (rejected) return rejected;
      }
    }
    return changes.length ? prepared.adjusted(changes)(snapshot, row) : prepared.check(snapshot, row);
  }
}
