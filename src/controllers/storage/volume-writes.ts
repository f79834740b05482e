/** What the binder writes about claims and volumes; nothing is written that is so already. */
import type { PersistentVolume, PersistentVolumeClaim } from "../../api/types/core-v1.gen.ts";
import { parseQuantity } from "../../api/quantity.ts";
import { type EventType, referenceTo } from "../../client/events.ts";
import { persistentvolumeclaims, persistentvolumes } from "../../client/resources.gen.ts";
import type { ControllerContext } from "../runtime/controller.ts";
import { semanticEqual } from "../runtime/equal.ts";
import type { Latest } from "./latest.ts";
import { isVolumeBoundTo } from "./volume-match.ts";

export const boundByController = "pv.kubernetes.io/bound-by-controller";
export const bindCompleted = "pv.kubernetes.io/bind-completed";
const beforeResize = "volume.alpha.kubernetes.io/pre-resize-capacity";
type Claim = PersistentVolumeClaim;
type Volume = PersistentVolume;

export class VolumeWrites {
  readonly #context: ControllerContext;
  readonly #claims: Latest<Claim>;
  readonly #volumes: Latest<Volume>;
  constructor(context: ControllerContext, claims: Latest<Claim>, volumes: Latest<Volume>) {
    this.#context = context;
    this.#claims = claims;
    this.#volumes = volumes;
  }

  tellClaim(claim: Claim, type: EventType, reason: string, message: string): void {
    this.#context.events.event(referenceTo(persistentvolumeclaims, claim), type, reason, message);
  }
  tellVolume(volume: Volume, type: EventType, reason: string, message: string): void {
    this.#context.events.event(referenceTo(persistentvolumes, volume), type, reason, message);
  }

  /** In this order, so that a crash in between leaves a volume that waits for its claim. */
  async bind(volume: Volume, claim: Claim): Promise<void> {
    const reserved = await this.#setPhase(await this.#bindVolume(volume, claim), "Bound", "");
    await this.setClaimPhase(await this.#bindClaim(claim, reserved), "Bound", reserved);
  }

  async #bindVolume(volume: Volume, claim: Claim): Promise<Volume> {
    const { metadata, spec } = volume;
    const { claimRef } = spec;
    const refers = isVolumeBoundTo(volume, claim) && claimRef?.uid === claim.metadata.uid;
    const annotate = !isVolumeBoundTo(volume, claim) && metadata.annotations?.[boundByController] === undefined;
    if (refers && !annotate) return volume;
    const annotations = annotate ? { ...metadata.annotations, [boundByController]: "yes" } : metadata.annotations;
    const bound = {
      ...volume,
      metadata: { ...metadata, ...(annotations ? { annotations } : {}) },
      spec: { ...spec, claimRef: referenceTo(persistentvolumeclaims, claim) },
    };
    return this.#updateVolume(bound);
  }

  async #bindClaim(claim: Claim, volume: Volume): Promise<Claim> {
    const { metadata, spec } = claim;
    const names = spec.volumeName === volume.metadata.name;
    if (names && metadata.annotations?.[bindCompleted] !== undefined) return claim;
    const annotations: Record<string, string> = { ...metadata.annotations, [bindCompleted]: metadata.annotations?.[bindCompleted] ?? "yes" };
    if (!names) annotations[boundByController] ??= "yes";
    return this.updateClaim({ ...claim, metadata: { ...metadata, annotations }, spec: { ...spec, volumeName: volume.metadata.name } });
  }

  /** Takes away a claim that no longer wants the volume: all of it if the binder put it there, else only which one it was. */
  async unbind(volume: Volume): Promise<void> {
    const { [boundByController]: mine, ...annotations } = volume.metadata.annotations ?? {};
    const { claimRef, ...spec } = volume.spec;
    const { uid: _, ...reserved } = claimRef ?? {};
    const free = mine === undefined ? { ...volume, spec: { ...spec, claimRef: reserved } } : { ...volume, metadata: { ...volume.metadata, annotations }, spec };
    await this.#setPhase(await this.#updateVolume(free), "Available", "");
  }

  async setClaimPhase(claim: Claim, phase: string, volume?: Volume): Promise<Claim> {
    const { accessModes, capacity, currentVolumeAttributesClassName, ...rest } = claim.status ?? {};
    let status: Claim["status"] = { ...rest, phase };
    if (volume) {
      const moved = claim.status?.phase !== phase;
      const size = volume.spec.capacity?.storage;
      if (moved && size === undefined) throw new Error(`PersistentVolume ${JSON.stringify(volume.metadata.name)} is without a storage capacity`);
      const before = volume.metadata.annotations?.[beforeResize];
      const same = capacity?.storage !== undefined && size !== undefined && parseQuantity(capacity.storage).cmp(parseQuantity(size)) === 0;
      const grown = before !== undefined ? { ...capacity, storage: before } : same ? capacity : volume.spec.capacity;
      const attributes = claim.status?.phase === "Pending" && phase === "Bound" ? volume.spec.volumeAttributesClassName : currentVolumeAttributesClassName;
      status = {
        ...status,
        accessModes: volume.spec.accessModes,
        capacity: moved ? grown : capacity,
        ...(attributes !== undefined ? { currentVolumeAttributesClassName: attributes } : {}),
      };
    }
    if (semanticEqual(claim.status, status)) return claim;
    const client = this.#context.client.resource(persistentvolumeclaims);
    return this.#claims.wrote(await client.updateStatus({ ...claim, status }, { signal: this.#context.signal }));
  }

  /** With an event if the phase is new. */
  async claimLost(claim: Claim, reason: string, message: string): Promise<void> {
    if (claim.status?.phase === "Lost") return;
    this.tellClaim(await this.setClaimPhase(claim, "Lost"), "Warning", reason, message);
  }

  setVolumePhase(volume: Volume, phase: string): Promise<Volume> {
    return this.#setPhase(volume, phase, "");
  }

  /** With an event if the phase is new. */
  async volumeFailed(volume: Volume, reason: string, message: string): Promise<void> {
    if (volume.status?.phase === "Failed") return;
    this.tellVolume(await this.#setPhase(volume, "Failed", message), "Warning", reason, message);
  }

  async updateClaim(claim: Claim): Promise<Claim> {
    const { client, signal } = this.#context;
    return this.#claims.wrote(await client.resource(persistentvolumeclaims).update(claim, { signal }));
  }
  async #updateVolume(volume: Volume): Promise<Volume> {
    const { client, signal } = this.#context;
    return this.#volumes.wrote(await client.resource(persistentvolumes).update(volume, { signal }));
  }
  async #setPhase(volume: Volume, phase: string, message: string): Promise<Volume> {
    if (volume.status?.phase === phase) return volume;
    const { client, signal } = this.#context;
    return this.#volumes.wrote(await client.resource(persistentvolumes).updateStatus({ ...volume, status: { ...volume.status, phase, message } }, { signal }));
  }
}
