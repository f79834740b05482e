/**
 * Volumes that are directories of this node, for claims of classes with the provisioner `k8ts.dev/local-path`: made when a
 * pod that uses the claim has been placed here, deleted or kept by the reclaim policy, grown by saying so. Every node has
 * its own; after a crash the next start goes on from what the API says.
 */
import { chmod, mkdir, readdir, rmdir } from "node:fs/promises";
import { isAlreadyExists, isConflict, isNotFound } from "../api/status.ts";
import type { PersistentVolume, PersistentVolumeClaim } from "../api/types/core-v1.gen.ts";
import type { StorageClass } from "../api/types/storage-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Client } from "../client/client.ts";
import { createEventRecorder, type EventRecorder, type EventType, referenceTo } from "../client/events.ts";
import type { InformerFactory } from "../client/factory.ts";
import type { Informer } from "../client/informer.ts";
import { persistentvolumeclaims, persistentvolumes, storageclasses } from "../client/resources.gen.ts";
import { Workqueue } from "../client/workqueue.ts";
import { removeTree } from "../linux/remove-tree.ts";
import { fate, isOurs, provisionerName, volumeFinalizer, volumeFor, volumeName, waitsForUs, wantedSize, whyNot } from "./local-path-volume.ts";

export interface LocalPathOptions {
  client: Client;
  informers: InformerFactory;
  clock: Clock;
  logger: Logger;
  /** Also the node's label kubernetes.io/hostname. */
  nodeName: string;
  /** Where the directories are made. */
  root: string;
}

export class LocalPathProvisioner {
  readonly #options: LocalPathOptions;
  readonly #claims: Informer<PersistentVolumeClaim>;
  readonly #volumes: Informer<PersistentVolume>;
  readonly #classes: Informer<StorageClass>;
  readonly #queue: Workqueue;
  /** Claims whose volumes were made, until they are seen to have them: what is heard late is no reason to begin again. */
  readonly #made = new Set<string>();

  constructor(options: LocalPathOptions) {
    this.#options = options;
    const { informers, clock } = options;
    this.#claims = informers.informer(persistentvolumeclaims);
    this.#volumes = informers.informer(persistentvolumes);
    this.#classes = informers.informer(storageclasses);
    this.#queue = new Workqueue({ clock });
    this.#claims.onChange((old, claim) => {
      if (claim) this.#queue.add(`claim/${claim.metadata.namespace}/${claim.metadata.name}`);
      if (old && (!claim || claim.spec.volumeName)) this.#made.delete(old.metadata.uid);
    });
    this.#volumes.onChange((_, volume) => volume && this.#queue.add(`volume/${volume.metadata.name}`));
    this.#classes.onChange((_, added) => {
      if (added) for (const { metadata } of this.#claims.list()) this.#queue.add(`claim/${metadata.namespace}/${metadata.name}`);
    });
  }

  /** Works until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { client, clock, logger } = this.#options;
    const events = createEventRecorder({ client, clock, logger, component: provisionerName, host: this.#options.nodeName, signal });
    signal.addEventListener("abort", () => this.#queue.close(), { once: true });
    try {
      await Promise.all([this.#claims.synced(signal), this.#volumes.synced(signal), this.#classes.synced(signal)]);
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    await this.#removeStrays();
    for (let key = await this.#queue.take(); key !== undefined; key = await this.#queue.take()) {
      try {
        const [kind, ...rest] = key.split("/");
        if (kind === "claim") await this.#claim(rest[0] as string, rest[1] as string, events);
        else await this.#volume(rest[0] as string, events);
        this.#queue.forget(key);
      } catch (error) {
        if (signal.aborted) return;
        // Somebody else has written meanwhile; what came of it is about to be heard.
        if (isConflict(error)) logger.debug("a volume has changed meanwhile", { key });
        else logger.warn("could not serve a volume", { key, error });
        this.#queue.addRateLimited(key);
      } finally {
        this.#queue.done(key);
      }
    }
  }

  async #claim(namespace: string, name: string, events: EventRecorder): Promise<void> {
    const claim = this.#claims.get(namespace, name);
    const storageClass = claim && this.#classes.get("", claim.spec.storageClassName ?? "");
    if (!claim || !storageClass) return;
    if (waitsForUs(claim, storageClass, this.#options.nodeName)) return this.#provision(claim, storageClass, events);
    const volume = this.#volumes.get("", claim.spec.volumeName ?? "");
    if (volume && isOurs(volume, this.#options.nodeName, this.#options.root)) await this.#grow(claim, volume, events);
  }

  async #provision(claim: PersistentVolumeClaim, storageClass: StorageClass, events: EventRecorder): Promise<void> {
    const { client, nodeName, root } = this.#options;
    if (this.#made.has(claim.metadata.uid) || this.#volumes.get("", volumeName(claim))) return;
    const tell = (type: EventType, reason: string, message: string): void => events.event(referenceTo(persistentvolumeclaims, claim), type, reason, message);
    const failed = (why: string): void =>
      tell("Warning", "ProvisioningFailed", `failed to provision volume with StorageClass ${JSON.stringify(storageClass.metadata.name)}: ${why}`);
    const refused = whyNot(claim, storageClass);
    if (refused) return failed(refused);
    const { namespace, name } = claim.metadata;
    tell("Normal", "Provisioning", `External provisioner is provisioning volume for claim ${JSON.stringify(`${namespace}/${name}`)}`);
    const path = `${root}/${volumeName(claim)}`;
    try {
      // Whoever the containers run as may write; what is above is closed to everybody else.
      await mkdir(path, { recursive: true });
      await chmod(path, 0o777);
      await client.resource(persistentvolumes).create("", volumeFor(claim, storageClass, nodeName, path));
      this.#made.add(claim.metadata.uid);
    } catch (error) {
      if (!isAlreadyExists(error)) {
        failed((error as Error).message);
        throw error;
      }
      // Of nodes that make a volume at the same time, one has it.
      const volume = await client.resource(persistentvolumes).get("", volumeName(claim));
      if (!isOurs(volume, nodeName, root)) await removeEmpty(path);
      return;
    }
    tell("Normal", "ProvisioningSucceeded", `Successfully provisioned volume ${volumeName(claim)}`);
  }

  /** A directory has no size: what was asked for is said. */
  async #grow(claim: PersistentVolumeClaim, volume: PersistentVolume, events: EventRecorder): Promise<void> {
    const size = wantedSize(claim, volume);
    if (size === undefined) return;
    const { client } = this.#options;
    const { namespace = "", name } = claim.metadata;
    await client.resource(persistentvolumes).patch("", volume.metadata.name, "merge", { spec: { capacity: { storage: size } } });
    const patch = { status: { capacity: { storage: size }, conditions: null, allocatedResources: null, allocatedResourceStatuses: null } };
    await client.resource(persistentvolumeclaims).patch(namespace, name, "merge", patch, { subresource: "status" });
    events.event(referenceTo(persistentvolumeclaims, claim), "Normal", "VolumeResizeSuccessful", "Resize volume succeeded");
  }

  async #volume(name: string, events: EventRecorder): Promise<void> {
    const { client, nodeName, root } = this.#options;
    const volume = this.#volumes.get("", name);
    if (!volume || !isOurs(volume, nodeName, root)) return;
    const { claimRef } = volume.spec;
    if (claimRef) this.#queue.add(`claim/${claimRef.namespace}/${claimRef.name}`);
    const end = fate(volume);
    if (end === "keep") return;
    const api = client.resource(persistentvolumes);
    const { uid } = volume.metadata;
    try {
      if (end === "delete") {
        await removeTree(`${root}/${name}`);
        if (!volume.metadata.deletionTimestamp) await api.delete("", name, { preconditions: { uid } });
      }
      const current = await api.get("", name);
      const finalizers = current.metadata.finalizers?.filter((f) => f !== volumeFinalizer);
      if (current.metadata.uid !== uid || finalizers?.length === current.metadata.finalizers?.length) return;
      await api.patch("", name, "merge", { metadata: { uid, resourceVersion: current.metadata.resourceVersion, finalizers } });
    } catch (error) {
      if (isNotFound(error)) return;
      events.event(referenceTo(persistentvolumes, volume), "Warning", "VolumeFailedDelete", (error as Error).message);
      throw error;
    }
  }

  /** Directories that were made for claims which went before they had a volume. Nothing that holds anything is touched. */
  async #removeStrays(): Promise<void> {
    const { root } = this.#options;
    await mkdir(root, { recursive: true });
    await chmod(root, 0o711);
    for (const name of await readdir(root)) if (!this.#volumes.get("", name)) await removeEmpty(`${root}/${name}`);
  }
}

async function removeEmpty(directory: string): Promise<void> {
  try {
    await rmdir(directory);
  } catch (error) {
    if (!["ENOTEMPTY", "ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}
