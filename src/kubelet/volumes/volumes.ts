/**
 * The volumes of pods: sets them up below the kubelet's root, keeps those that show API objects current, takes them down. What
 * is on the disk is the truth: after a restart everything that an earlier kubelet has set up is known from there.
 */
import { mkdir } from "node:fs/promises";
import type { Pod, Volume } from "../../api/types/core-v1.gen.ts";
import type { Clock } from "../../base/clock.ts";
import { KeyedLock } from "../../base/keyed-lock.ts";
import type { Logger } from "../../base/logger.ts";
import { mountsBelow, unmountBelow } from "../../linux/mounts.ts";
import { removeTree } from "../../linux/remove-tree.ts";
import { someTermHolds } from "../node-selector.ts";
import type { PodEvents } from "../pod-events.ts";
import { mapBlock, unmapBlock } from "./block-map.ts";
import { Devices, type NodeView } from "./devices.ts";
import type { Expander } from "./expander.ts";
import type { PayloadSources } from "./payload.ts";
import { type FoundPlace, placeOf, placesOf, podsBelow } from "./places.ts";
import {
  type MountedVolume,
  type MountedVolumes,
  type Place,
  VolumeError,
  VolumeLimitError,
  type VolumePlugin,
  type VolumeRequest,
  type VolumeSpec,
} from "./plugin.ts";
import { directoryUsage, type VolumeUsage } from "./usage.ts";
import { claimOf, mountOptionsOf, type PersistentVolumes, resolveVolume, usedVolumes } from "./volume-spec.ts";

export interface VolumesOptions {
  rootDir: string;
  clock: Clock;
  logger: Logger;
  events: Pick<PodEvents, "pod">;
  expander: Expander;
  plugins: readonly VolumePlugin[];
  persistent: PersistentVolumes;
  node: NodeView;
}

export interface NamedUsage extends VolumeUsage {
  name: string;
  claim?: { namespace: string; name: string };
}

interface Held {
  spec: VolumeSpec;
  plugin: VolumePlugin;
  place: Place;
  mounted: MountedVolume;
  /** What the persistent volume had when it was mounted or last grown. */
  size: string | undefined;
  /** When its size was looked at last, monotonic. */
  measured: number;
}

/** Milliseconds. */
const measureInterval = 10_000;

/** What failed, and as what the pod's events tell it. */
class StepError extends Error {
  readonly reason: string;
  constructor(message: string, cause: unknown, reason = "FailedMount") {
    super(message, { cause });
    this.reason = reason;
  }
}

export class Volumes {
  readonly #options: VolumesOptions;
  readonly #lock = new KeyedLock();
  readonly #devices: Devices;
  /** By pod, then by the pod's name for the volume. */
  readonly #held = new Map<string, Map<string, Held>>();
  /** Pods whose volumes are being set up. */
  readonly #busy = new Map<string, Promise<unknown>>();

  constructor(options: VolumesOptions) {
    this.#options = options;
    this.#devices = new Devices({ clock: options.clock, logger: options.logger, node: options.node, lock: this.#lock });
  }
  podDirectory(uid: string): string {
    return `${this.#options.rootDir}/pods/${uid}`;
  }
  async makePodDirectory(uid: string): Promise<void> {
    for (const part of ["volumes", "plugins", "containers"]) await mkdir(`${this.podDirectory(uid)}/${part}`, { recursive: true, mode: 0o750 });
  }
  /** For the Node's `status.volumesInUse`. */
  inUse(): string[] {
    return this.#devices.inUse();
  }
  /** Takes over what an earlier kubelet has set up. To be called once, before the node is reported and pods are looked at. */
  async reconstruct(): Promise<void> {
    for (const uid of await podsBelow(this.#options.rootDir))
      for (const place of await placesOf(this.podDirectory(uid), uid)) {
        const device = this.#plugin(place.plugin)?.device;
        const unique = await device?.uniqueNameOf(place);
        if (device && unique !== undefined) this.#devices.adopt(unique, device, uid);
      }
    for (const { device } of this.#options.plugins) for (const unique of (await device?.mounted()) ?? []) if (device) this.#devices.adopt(unique, device);
    this.#devices.releaseUnused();
  }
  /** Something that was missing may be there now: what could not be unmounted is tried again at once. */
  retry(): void {
    this.#devices.releaseUnused();
  }
  #plugin(name: string): VolumePlugin | undefined {
    return this.#options.plugins.find((plugin) => plugin.name === name);
  }
  /**
   * Brings every volume of the pod up to date. Rejects with VolumeError when one could not be, after the pod's events have
   * told why; what has been begun goes on when the signal is aborted, and `remove` waits for it.
   */
  async prepare(pod: Pod, sources: PayloadSources, signal: AbortSignal): Promise<MountedVolumes> {
    const { uid } = pod.metadata;
    const { mounts, devices } = usedVolumes(pod);
    const volumes = (pod.spec.volumes ?? []).filter(({ name }) => mounts.has(name) || devices.has(name));
    const held = this.#held.get(uid) ?? new Map<string, Held>();
    this.#held.set(uid, held);
    const work = Promise.allSettled(volumes.map((volume) => this.#prepareOne(pod, volume, sources, held, signal)));
    this.#busy.set(uid, work);
    const results = await unlessAborted(work, signal);
    this.#busy.delete(uid);
    const failures = results.flatMap((result, i) => (result.status === "rejected" ? [{ name: volumes[i]?.name, error: result.reason as Error }] : []));
    const first = failures[0];
    if (!first) return new Map([...held].map(([name, { mounted }]) => [name, mounted]));
    const full = failures.find(({ error }) => error instanceof VolumeLimitError);
    throw full?.error ?? new VolumeError(first.error.message, { cause: first.error });
  }
  async #prepareOne(pod: Pod, volume: Volume, sources: PayloadSources, held: Map<string, Held>, signal: AbortSignal): Promise<void> {
    const known = held.get(volume.name);
    if (known) await this.#grow(pod, known, sources);
    if (known && !known.plugin.follows?.(known.spec)) return;
    try {
      const spec = known?.spec ?? (await this.#resolve(pod, volume));
      const plugin = known?.plugin ?? this.#options.plugins.find((one) => one.supports(spec));
      if (!plugin)
        throw new StepError(
          unmounted(volume.name, `failed to get Plugin from volumeSpec for volume ${JSON.stringify(spec.name)} err=no volume plugin matched`),
          undefined,
        );
      const block = spec.persistent?.spec.volumeMode === "Block";
      const place = placeOf(this.podDirectory(pod.metadata.uid), pod.metadata.uid, plugin.name, spec.name, block);
      const request = { pod, spec, place, sources, again: known !== undefined };
      const mounted = await this.#setUp(plugin, request, block, signal);
      const grown = known ? known.size : await this.#growFirst(plugin, request);
      held.set(volume.name, { spec, plugin, place, mounted, size: grown, measured: known?.measured ?? this.#options.clock.monotonic() });
    } catch (error) {
      // Of a node that is full, the pod's end tells.
      if (signal.aborted || error instanceof VolumeLimitError) throw error;
      const { reason, message } = error instanceof StepError ? error : { reason: "FailedMount", message: (error as Error).message };
      this.#options.events.pod(pod, "Warning", reason, message);
      // What the containers see stays as it is.
      if (!known) throw error;
    }
  }
  /** Resolves with the size that the volume has. */
  async #growFirst(plugin: VolumePlugin, request: VolumeRequest): Promise<string | undefined> {
    const { persistent, name } = request.spec;
    try {
      const size = await this.#options.expander.expand(plugin, request);
      return size ?? request.spec.claim?.status?.capacity?.storage ?? persistent?.spec.capacity?.storage;
    } catch (error) {
      throw new StepError(`MountVolume.Setup failed while expanding volume for volume ${JSON.stringify(name)} : ${(error as Error).message}`, error);
    }
  }
  /** A volume that is used grows with its claim; what goes wrong is told and tried again. */
  async #grow(pod: Pod, held: Held, sources: PayloadSources): Promise<void> {
    const { events, expander, clock } = this.#options;
    const { plugin, spec, place } = held;
    if (!plugin.expand || !spec.claim || clock.monotonic() - held.measured < measureInterval) return;
    held.measured = clock.monotonic();
    try {
      const current = await resolveVolume(pod, spec.volume, this.#options.persistent);
      held.size = (await expander.expand(plugin, { pod, spec: current, place, sources, again: true }, held.size)) ?? held.size;
    } catch (error) {
      const message = `NodeExpandVolume.NodeExpandVolume failed for volume ${JSON.stringify(spec.name)} : ${(error as Error).message}`;
      events.pod(pod, "Warning", "VolumeResizeFailed", message);
    }
  }
  async #resolve(pod: Pod, volume: Volume): Promise<VolumeSpec> {
    try {
      return await resolveVolume(pod, volume, this.#options.persistent);
    } catch (error) {
      throw claimOf(pod, volume) === undefined ? error : new StepError(unmounted(volume.name, (error as Error).message), error);
    }
  }
  async #setUp(plugin: VolumePlugin, request: VolumeRequest, block: boolean, signal: AbortSignal): Promise<MountedVolume> {
    const { spec, place } = request;
    const step = block ? "MapVolume" : "MountVolume";
    const failed = (what: string, error: unknown, reason?: string): StepError =>
      new StepError(`${step}.${what} failed for volume ${JSON.stringify(spec.name)} : ${(error as Error).message}`, error, reason);
    this.#check(plugin, request, failed);
    if (block && !plugin.block) throw failed("FindMapperPluginBySpec", new Error("no block volume plugin matched"));
    const unique = plugin.device?.uniqueName(spec);
    if (plugin.device && unique !== undefined && !request.again) {
      this.#refuseSecondPod(unique, request, failed);
      await this.#devices.acquire(unique, plugin.device, request, signal);
    }
    return this.#lock.run(place.path, async () => {
      if (!block || !plugin.block) {
        try {
          return await plugin.setUp(request);
        } catch (error) {
          throw failed("SetUp", error);
        }
      }
      try {
        const { block } = plugin;
        await mapBlock(block.globalMapPath(spec.name), place, () => block.map(request));
        return { path: place.path, readOnly: spec.readOnly, block: true };
      } catch (error) {
        throw failed("MapPodDevice", error, "FailedMapVolume");
      }
    });
  }
  #check(plugin: VolumePlugin, { spec }: VolumeRequest, failed: (what: string, error: unknown) => StepError): void {
    const node = this.#options.node.get();
    const required = spec.persistent?.spec.nodeAffinity?.required;
    if (node && required && !someTermHolds(required.nodeSelectorTerms, node)) throw failed("NodeAffinity check", new Error("no matching NodeSelectorTerms"));
    if (mountOptionsOf(spec).length && !plugin.mountOptions)
      throw failed("MountOptionSupport check", new Error("mount options are not supported for this volume type"));
  }
  /** ReadWriteOncePod (KEP-2485); the scheduler sees to it as well. */
  #refuseSecondPod(unique: string, { spec, pod }: VolumeRequest, failed: (what: string, error: unknown) => StepError): void {
    const { accessModes } = spec.persistent?.spec ?? {};
    if (accessModes?.length !== 1 || accessModes[0] !== "ReadWriteOncePod") return;
    if ([...this.#devices.users(unique)].some((uid) => uid !== pod.metadata.uid))
      throw failed(
        spec.persistent?.spec.volumeMode === "Block" ? "SetUpDevice" : "SetUp",
        new Error("volume uses the ReadWriteOncePod access mode and is already in use by another pod"),
      );
  }
  /** Of each volume of the pod that is set up, by the pod's name for it; asks drivers, and leaves out what cannot be told now. */
  async usage(uid: string): Promise<NamedUsage[]> {
    const all = [...(this.#held.get(uid) ?? [])].map(async ([name, { plugin, spec, place, mounted }]) => {
      try {
        const usage = plugin.usage ? await plugin.usage(spec, place, mounted) : mounted.path && !mounted.block ? await directoryUsage(mounted.path) : undefined;
        const claim = spec.claim && { namespace: spec.claim.metadata.namespace ?? "", name: spec.claim.metadata.name };
        return usage && { name, ...(claim ? { claim } : {}), ...usage };
      } catch (error) {
        this.#options.logger.debug("a volume does not tell what it holds", { volume: spec.name, pod: uid, error });
        return undefined;
      }
    });
    return (await Promise.all(all)).filter((one) => one !== undefined);
  }
  /** Unmounts and removes everything of the pod below the root. Rejects when something is still in use; to be called again then. */
  async remove(uid: string): Promise<void> {
    await this.#busy.get(uid);
    this.#busy.delete(uid);
    const { expander } = this.#options;
    const directory = this.podDirectory(uid);
    unmountBelow(`${directory}/volume-subpaths`);
    const failures: unknown[] = [];
    await Promise.all(
      (await placesOf(directory, uid)).map((place) => this.#lock.run(place.path, () => this.#tearDown(place)).catch((error) => failures.push(error))),
    );
    if (failures.length) throw failures[0];
    for (const { spec } of this.#held.get(uid)?.values() ?? []) expander.forget(spec.name);
    this.#held.delete(uid);
    const left = mountsBelow(directory);
    if (left.length) throw new Error(`volumes are left mounted: ${left.join(", ")}`);
    await removeTree(directory);
    this.#devices.release(uid);
  }
  async #tearDown(place: FoundPlace): Promise<void> {
    const plugin = this.#plugin(place.plugin);
    try {
      if (place.block && plugin?.block) {
        const { block } = plugin;
        await unmapBlock(block.globalMapPath(place.name), place, () => block.unmap(place));
      } else if (plugin) await plugin.tearDown(place);
      else {
        unmountBelow(place.path);
        await removeTree(place.path);
      }
    } catch (error) {
      throw new Error(`UnmountVolume.TearDown failed for volume ${JSON.stringify(place.name)} : ${(error as Error).message}`, { cause: error });
    }
  }
  /** Uids of the pods that have a directory. */
  podsOnDisk(): Promise<string[]> {
    return podsBelow(this.#options.rootDir);
  }
}

const unmounted = (name: string, why: string): string =>
  `Unable to attach or mount volumes: unmounted volumes=[${name}], unattached volumes=[], failed to process volumes=[${name}]: ${why}`;

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const end = Promise.withResolvers<never>();
  const onAbort = (): void => end.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([work, end.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
