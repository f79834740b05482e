/** Attaches one volume where it is wanted and takes it from where it is not; what has been done is kept in memory, as upstream does. */
import { isAlreadyExists, isNotFound } from "../../../api/status.ts";
import type { Node, Pod } from "../../../api/types/core-v1.gen.ts";
import type { VolumeAttachment } from "../../../api/types/storage-v1.gen.ts";
import { isConditionTrue } from "../../../api/meta/conditions.ts";
import { type EventType, referenceTo } from "../../../client/events.ts";
import type { Informer } from "../../../client/informer.ts";
import { nodes as nodeResource, pods as podResource, volumeattachments } from "../../../client/resources.gen.ts";
import type { ControllerContext, Outcome } from "../../runtime/controller.ts";
import { messageOf } from "../../runtime/pod-control.ts";
import { type Attachable, attachmentName, splitCsiName } from "./attachable.ts";
import { attachProgress, backoff, detachProgress, driverTimeout, mayDetach, multiAttachReason } from "./decide.ts";
import type { Desired } from "./desired.ts";
import type { NodeReports } from "./node-reports.ts";

/** A volume on a node. Not `confirmed`: it may be attached or not. */
interface Place {
  confirmed: boolean;
  /** When an attempt began, monotonic. */
  attaching?: number;
  detaching?: number;
  /** Since when nobody wants it there, monotonic. */
  unwanted?: number;
  failures: number;
  notBefore: number;
}

export interface AttachmentsOptions {
  context: ControllerContext;
  desired: Desired;
  reports: NodeReports;
  nodes: Informer<Node>;
  attachments: Informer<VolumeAttachment>;
  /** Told of detachments without the node's consent. */
  forced(reason: "timeout" | "out-of-service"): void;
  /** Of a node that is gone: what it said last that it uses. */
  lastInUse(node: string): readonly string[];
}

const managed = "volumes.kubernetes.io/controller-managed-attach-detach";
const outOfService = "node.kubernetes.io/out-of-service";

export class Attachments {
  readonly #options: AttachmentsOptions;
  readonly #places = new Map<string, Map<string, Place>>();
  readonly #byNode = new Map<string, Set<string>>();
  /** Volume and node whose pods have been told that the volume is somebody else's. */
  readonly #toldOfConflict = new Set<string>();

  constructor(options: AttachmentsOptions) {
    this.#options = options;
  }

  /** Takes over what was attached before; a place that is known already is left alone. */
  adopt(unique: string, node: string, confirmed: boolean): void {
    if (!this.#places.get(unique)?.has(node)) this.#place(unique, node).confirmed = confirmed;
  }
  /** Volumes, once for each node that has them or may have. */
  *present(): Iterable<string> {
    for (const [unique, nodes] of this.#places) for (const _ of nodes) yield unique;
  }
  on(node: string): readonly string[] {
    return [...(this.#byNode.get(node) ?? [])];
  }

  async reconcile(unique: string): Promise<Outcome> {
    const { desired } = this.#options;
    const wanted = desired.nodes(unique);
    const waits: number[] = [];
    const settle = async (step: Promise<number | undefined>): Promise<void> => {
      const again = await step;
      if (again !== undefined) waits.push(again);
    };
    for (const key of this.#toldOfConflict) if (key.startsWith(`${unique}@`) && !wanted.has(key.slice(unique.length + 1))) this.#toldOfConflict.delete(key);
    for (const [node, place] of [...(this.#places.get(unique) ?? [])]) if (!wanted.has(node)) await settle(this.#detach(unique, node, place));
    const volume = desired.volume(unique);
    if (volume) for (const [node, pods] of [...wanted]) await settle(this.#attach(volume, node, [...pods.values()]));
    return waits.length ? { requeueAfter: Math.max(1, Math.min(...waits)) } : undefined;
  }

  /** Resolves with the milliseconds after which it is to be looked at again. */
  async #attach(volume: Attachable, node: string, pods: Pod[]): Promise<number | undefined> {
    const { context, nodes, reports } = this.#options;
    const { unique } = volume;
    const now = context.clock.monotonic();
    const attachment = this.#find(volume.csi, node);
    const known = this.#places.get(unique)?.get(node);
    if (known) known.unwanted = undefined;
    // What was begun comes to its end first, though it is wanted again.
    if (known?.detaching !== undefined && volume.csi) {
      const again = this.#detaching(volume.csi, unique, node, known, known.detaching);
      if (again !== undefined) return again;
    }
    if (known?.confirmed) {
      if (!volume.csi || attachment?.status?.attached) {
        reports.add(node, unique);
        await reports.flush(node);
        return;
      }
      this.#forget(unique, node);
      await reports.flush(node);
    }
    if (nodes.get("", node)?.metadata.annotations?.[managed] === undefined) return;
    if (!volume.multiAttach && this.#elsewhere(volume, node, pods)) return;
    const place = this.#place(unique, node);
    const attached = attachment?.status?.attached && !attachment.metadata.deletionTimestamp;
    if (place.notBefore > now && !attached) return place.notBefore - now;
    place.attaching ??= now;
    if (volume.csi) {
      const { driver, handle } = volume.csi;
      if (!attachment && place.attaching === now) {
        try {
          await this.#create(volume.csi, node);
        } catch (error) {
          return this.#failed(place, volume, pods, `kubernetes.io/csi: attacher.Attach failed: ${messageOf(error)}`);
        }
      }
      const progress = attachProgress(attachment, driver, handle, now - place.attaching);
      if (progress === "waiting") return place.attaching + driverTimeout - now;
      if (progress !== "done") return this.#failed(place, volume, pods, progress.failed);
    }
    Object.assign(place, { confirmed: true, attaching: undefined, failures: 0, notBefore: 0 });
    for (const pod of pods) this.#tell(pod, "Normal", "SuccessfulAttachVolume", `AttachVolume.Attach succeeded for volume ${JSON.stringify(volume.title)} `);
    reports.add(node, unique);
    await reports.flush(node);
    return;
  }

  /** Whether another node keeps it from being attached; its pods are told once. */
  #elsewhere(volume: Attachable, node: string, pods: Pod[]): boolean {
    const others = [...(this.#places.get(volume.unique) ?? [])].filter(([other]) => other !== node);
    const holders = others.filter(([, place]) => place.confirmed).map(([other]) => other);
    const key = `${volume.unique}@${node}`;
    if (holders.length && !others.some(([, place]) => place.detaching !== undefined) && !this.#toldOfConflict.has(key)) {
      this.#toldOfConflict.add(key);
      const users = holders.flatMap((other) => [...(this.#options.desired.nodes(volume.unique).get(other)?.values() ?? [])]);
      const named = users.map(({ metadata: { namespace = "", name } }) => ({ namespace, name }));
      for (const pod of pods)
        this.#tell(
          pod,
          "Warning",
          "FailedAttachVolume",
          `Multi-Attach error for volume ${JSON.stringify(volume.title)} ${multiAttachReason(named, pod.metadata.namespace ?? "")}`,
        );
    }
    return others.length > 0;
  }

  async #detach(unique: string, node: string, place: Place): Promise<number | undefined> {
    const { context, reports } = this.#options;
    const { clock, client, logger, signal } = context;
    const now = clock.monotonic();
    const csi = splitCsiName(unique);
    place.unwanted ??= now;
    place.attaching = undefined;
    if (place.detaching !== undefined && csi) return this.#detaching(csi, unique, node, place, place.detaching);
    if (place.notBefore > now) return place.notBefore - now;
    const state = this.#detachState(unique, node, now - place.unwanted);
    const verdict = mayDetach(state);
    if (!verdict.detach) return verdict.again;
    reports.remove(node, unique);
    try {
      await reports.flush(node);
    } catch (error) {
      reports.add(node, unique);
      throw error;
    }
    if (verdict.verify && (await this.#inUse(unique, node)))
      return this.#notDetached(unique, node, place, "volume is still in use by node, according to Node status");
    if (!verdict.verify) {
      this.#options.forced(state.outOfService ? "out-of-service" : "timeout");
      logger.info("detaching although the node may still use the volume", { volume: unique, node });
    }
    if (!csi) return this.#detached(unique, node);
    try {
      await client.resource(volumeattachments).delete("", attachmentName(csi.handle, csi.driver, node), { signal });
    } catch (error) {
      if (isNotFound(error)) return this.#detached(unique, node);
      return this.#notDetached(unique, node, place, messageOf(error));
    }
    place.confirmed = false;
    place.detaching = now;
    // The deletion may have been seen before this line was reached.
    return this.#find(csi, node) ? driverTimeout : 1;
  }

  /** Undefined when it has come to its end. */
  #detaching(csi: { driver: string; handle: string }, unique: string, node: string, place: Place, since: number): number | undefined {
    const now = this.#options.context.clock.monotonic();
    const progress = detachProgress(this.#find(csi, node), csi.handle, now - since);
    if (progress === "done") return this.#detached(unique, node);
    return progress === "waiting" ? since + driverTimeout - now : this.#notDetached(unique, node, place, progress.failed);
  }

  #detachState(unique: string, name: string, unwanted: number) {
    const { nodes, lastInUse, context } = this.#options;
    const node = nodes.get("", name);
    const inUse = node ? (node.status?.volumesInUse ?? []) : lastInUse(name);
    return {
      mounted: inUse.includes(unique),
      ready: isConditionTrue(node?.status?.conditions, "Ready"),
      outOfService: Boolean(node?.spec?.taints?.some(({ key }) => key === outOfService)),
      unwanted,
      forceOnTimeout: !context.options.disableForceDetachOnTimeout,
    };
  }
  async #inUse(unique: string, name: string): Promise<boolean> {
    const { client, signal } = this.#options.context;
    try {
      const node = await client.resource(nodeResource).get("", name, { signal });
      return node.status?.volumesInUse?.includes(unique) === true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }
  async #create({ driver, handle, volume }: NonNullable<Attachable["csi"]>, nodeName: string): Promise<void> {
    const { client, signal } = this.#options.context;
    const metadata = { name: attachmentName(handle, driver, nodeName) };
    try {
      await client
        .resource(volumeattachments)
        .create("", { metadata, spec: { attacher: driver, nodeName, source: { persistentVolumeName: volume } }, status: { attached: false } }, { signal });
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  }

  #failed(place: Place, volume: Attachable, pods: Pod[], why: string): number {
    this.#postpone(place);
    for (const pod of pods) this.#tell(pod, "Warning", "FailedAttachVolume", `AttachVolume.Attach failed for volume ${JSON.stringify(volume.title)} : ${why}`);
    return backoff(place.failures);
  }
  #notDetached(volume: string, node: string, place: Place, why: string): number {
    this.#postpone(place);
    this.#options.context.logger.warn("volume not detached", { volume, node, why });
    return backoff(place.failures);
  }
  #postpone(place: Place): void {
    const failures = place.failures + 1;
    const notBefore = this.#options.context.clock.monotonic() + backoff(failures);
    Object.assign(place, { confirmed: false, attaching: undefined, detaching: undefined, failures, notBefore });
  }
  #detached(volume: string, node: string): undefined {
    this.#forget(volume, node);
    this.#options.context.logger.info("volume detached", { volume, node });
  }
  #forget(unique: string, node: string): void {
    const nodes = this.#places.get(unique);
    nodes?.delete(node);
    if (!nodes?.size) this.#places.delete(unique);
    const here = this.#byNode.get(node);
    here?.delete(unique);
    if (!here?.size) this.#byNode.delete(node);
    this.#options.reports.remove(node, unique);
  }
  #place(unique: string, node: string): Place {
    const nodes = this.#places.get(unique) ?? new Map<string, Place>();
    this.#places.set(unique, nodes);
    const place = nodes.get(node) ?? { confirmed: false, failures: 0, notBefore: 0 };
    nodes.set(node, place);
    this.#byNode.set(node, (this.#byNode.get(node) ?? new Set()).add(unique));
    return place;
  }
  #find(csi: { driver: string; handle: string } | undefined, node: string): VolumeAttachment | undefined {
    return csi && this.#options.attachments.get("", attachmentName(csi.handle, csi.driver, node));
  }
  #tell(pod: Pod, type: EventType, reason: string, message: string): void {
    this.#options.context.events.event(referenceTo(podResource, pod), type, reason, message);
  }
}
