/**
 * Nodes and assigned pods as the informers tell of them, together with pods that have been given a node but whose binding
 * is still on its way (assumed). It writes the snapshot row by row, between cycles only.
 */
import type { Node, Pod } from "../../api/types/core-v1.gen.ts";
import { type PodInfo, podInfoOf } from "../framework/pod-info.ts";
import { imagesOf, type ImageSpread } from "./images.ts";
import { NodeOrder, zoneOf } from "./node-order.ts";
import type { PodIndex } from "./pod-index.ts";
import { type NodeRow, Snapshot } from "./snapshot.ts";

interface Placed {
  info: PodInfo;
  row: number;
  assumed: boolean;
}

export class ClusterCache {
  readonly #snapshot = new Snapshot();
  readonly #index: PodIndex;
  readonly #order = new NodeOrder();
  readonly #free: number[] = [];
  readonly #pods = new Map<string, Placed>();
  readonly images: ImageSpread;
  #reorder = false;
  #assumed = 0;

  constructor(index: PodIndex, images: ImageSpread) {
    this.#index = index;
    this.images = images;
  }

  /** As things stand; valid until the cache is told of a change. */
  snapshot(): Snapshot {
    if (this.#reorder) {
      this.#snapshot.order = this.#order.rows();
      this.#reorder = false;
    }
    return this.#snapshot;
  }

  rowOf(name: string): number | undefined {
    const row = this.#snapshot.byName.get(name);
    return row !== undefined && this.#snapshot.rows[row]?.node ? row : undefined;
  }
  get podCount(): number {
    return this.#pods.size;
  }
  get assumedCount(): number {
    return this.#assumed;
  }
  isAssumed(uid: string): boolean {
    return this.#pods.get(uid)?.assumed ?? false;
  }
  /** The pod as it stands here, and whether its binding is still on its way. */
  placed(uid: string): { readonly info: PodInfo; readonly assumed: boolean } | undefined {
    return this.#pods.get(uid);
  }

  setNode(node: Node): void {
    const row = this.#ensureRow(node.metadata.name);
    const old = this.#snapshot.rows[row] as NodeRow;
    const images = imagesOf(node, old.node === undefined ? undefined : { node: old.node, images: old.images });
    this.images.replace(old.images, images);
    if (!old.node || zoneOf(old.node) !== zoneOf(node)) {
      if (old.node) this.#order.remove(zoneOf(old.node), row);
      this.#order.add(zoneOf(node), row);
      this.#reorder = true;
    }
    if (!old.node || old.node.status?.allocatable !== node.status?.allocatable) this.#snapshot.setAllocatable(row, node);
    this.#snapshot.setNode(row, node, images);
  }

  deleteNode(name: string): void {
    const row = this.#snapshot.byName.get(name);
    const old = row === undefined ? undefined : this.#snapshot.rows[row];
    if (row === undefined || !old?.node) return;
    this.#order.remove(zoneOf(old.node), row);
    this.#reorder = true;
    this.images.replace(old.images, new Map());
    this.#snapshot.setAllocatable(row, undefined);
    this.#snapshot.setNode(row, undefined, new Map());
    this.#releaseRow(row);
  }

  /** An assigned pod came or changed; confirms one that was assumed. */
  setPod(pod: Pod): void {
    const info = podInfoOf(pod);
    this.#remove(info.uid);
    this.#place(info, pod.spec.nodeName as string, false);
  }

  deletePod(uid: string): void {
    this.#remove(uid);
  }

  assume(info: PodInfo, node: string): void {
    this.#remove(info.uid);
    this.#place(info, node, true);
  }

  /** The binding has failed: only an assumed pod goes. */
  forget(uid: string): void {
    if (this.isAssumed(uid)) this.#remove(uid);
  }

  #place(info: PodInfo, node: string, assumed: boolean): void {
    const row = this.#ensureRow(node);
    this.#snapshot.addPod(row, info);
    this.#snapshot.rowVersions[row]!++;
    this.#index.add(info, row);
    this.#pods.set(info.uid, { info, row, assumed });
    if (assumed) this.#assumed++;
  }

  #remove(uid: string): void {
    const placed = this.#pods.get(uid);
    if (!placed) return;
    this.#pods.delete(uid);
    if (placed.assumed) this.#assumed--;
    this.#snapshot.removePod(placed.row, placed.info);
    this.#snapshot.rowVersions[placed.row]!++;
    this.#index.remove(placed.info, placed.row);
    this.#releaseRow(placed.row);
  }

  #ensureRow(name: string): number {
    const known = this.#snapshot.byName.get(name);
    if (known !== undefined) return known;
    const row = this.#free.pop() ?? this.#snapshot.rows.length;
    this.#snapshot.grow(row + 1);
    this.#index.grow(row + 1);
    this.#snapshot.clearUsage(row);
    this.#snapshot.rows[row] = { name, index: row, node: undefined, labels: {}, pods: new Map(), ports: new Map(), images: new Map() };
    this.#snapshot.byName.set(name, row);
    this.#snapshot.rowVersions[row]!++;
    this.#snapshot.namesVersion++;
    return row;
  }

  /** Gives a row back when neither a node nor pods need it. */
  #releaseRow(row: number): void {
    const { node, pods, name } = this.#snapshot.rows[row] as NodeRow;
    if (node || pods.size) return;
    this.#snapshot.byName.delete(name);
    this.#snapshot.namesVersion++;
    this.#free.push(row);
  }
}
