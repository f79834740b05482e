/** Pods that others have made room for: they are counted where they are awaited, so that nobody takes the room. */
import type { NodeRow, Snapshot } from "../cache/snapshot.ts";
import { type PodChange, type Rejection, rejection } from "./plugin.ts";
import type { PodInfo } from "./pod-info.ts";
import type { PreparedFilters } from "./prepared-filters.ts";

export const noNodesAvailable = rejection("", false, "no nodes available to schedule pods");

export class Nominations {
  readonly #byNode = new Map<string, Map<string, PodInfo>>();
  readonly #nodeOf = new Map<string, string>();
  /** How many pods each row awaits, for the snapshot whose names had this version: looking names up for each row is dear. */
  #awaited = new Int32Array(0);
  /** By row: grows with each change of who is awaited there. */
  #versions = new Int32Array(0);
  #snapshot: Snapshot | undefined;
  #namesVersion = -1;

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
    this.#mark(node, 1);
  }

  delete(uid: string): void {
    const node = this.#nodeOf.get(uid);
    if (node === undefined) return;
    this.#nodeOf.delete(uid);
    const pods = this.#byNode.get(node);
    pods?.delete(uid);
    if (pods?.size === 0) this.#byNode.delete(node);
    this.#mark(node, -1);
  }

  #mark(node: string, by: 1 | -1): void {
    const row = this.#snapshot?.byName.get(node);
    if (row === undefined || row >= this.#awaited.length) return;
    this.#awaited[row]! += by;
    this.#versions[row]!++;
  }

  /** By row of the cluster's snapshot; 0 where no pod is awaited. */
  awaited(snapshot: Snapshot): Int32Array {
    if (this.#snapshot === snapshot && this.#namesVersion === snapshot.namesVersion) return this.#awaited;
    this.#awaited = new Int32Array(snapshot.rows.length);
    this.#versions = new Int32Array(snapshot.rows.length);
    this.#snapshot = snapshot;
    this.#namesVersion = snapshot.namesVersion;
    for (const [node, pods] of this.#byNode) {
      const row = snapshot.byName.get(node);
      if (row !== undefined) this.#awaited[row] = pods.size;
    }
    return this.#awaited;
  }

  /** By row of the cluster's snapshot: grows with each change of who is awaited there, as long as names keep their rows. */
  versions(snapshot: Snapshot): Int32Array {
    this.awaited(snapshot);
    return this.#versions;
  }

  /**
   * Must fit with the awaited pods that matter no less, and without them too: affinity may need either. They are put on the
   * row for the time of the question. `changes` have been made to the row already.
   */
  check(prepared: PreparedFilters, pod: PodInfo, snapshot: Snapshot, row: number, changes: readonly PodChange[] = unchanged): Rejection | undefined {
    const node = snapshot.rows[row] as NodeRow;
    const awaited = this.#byNode.get(node.name);
    if (awaited) {
      const coming: PodChange[] = [];
      for (const info of awaited.values()) {
        if (info.priority >= pod.priority && info.uid !== pod.uid && !node.pods.has(info.uid)) coming.push({ info, sign: 1, row: node.index });
      }
      if (coming.length) {
        for (const { info } of coming) snapshot.addPod(row, info);
        try {
          const rejected = checkChanged(prepared, snapshot, row, changes.length ? [...changes, ...coming] : coming);
          if (rejected) return rejected;
        } finally {
          for (const { info } of coming) snapshot.removePod(row, info);
        }
      }
    }
    return checkChanged(prepared, snapshot, row, changes);
  }
}

const unchanged: readonly PodChange[] = [];

function checkChanged(prepared: PreparedFilters, snapshot: Snapshot, row: number, changes: readonly PodChange[]): Rejection | undefined {
  return changes.length && prepared.adjusts ? prepared.adjusted(changes)(snapshot, row) : prepared.check(snapshot, row);
}
