/**
 * Volumes that are mounted once for the node (upstream's actual state of the world): who uses each, what has to be attached
 * first, and what the Node's status says of it in `volumesInUse`. What no pod uses is unmounted, if need be again and again.
 */
import type { Node } from "../../api/types/core-v1.gen.ts";
import type { Clock } from "../../base/clock.ts";
import type { KeyedLock } from "../../base/keyed-lock.ts";
import type { Logger } from "../../base/logger.ts";
import { type DevicePlugin, VolumeLimitError, type VolumeRequest } from "./plugin.ts";

export interface NodeView {
  /** As the API server has it, as far as this kubelet has heard. */
  get(): Node | undefined;
  /** Tells the API server now what is in use. Resolves when it knows. */
  report(): Promise<void>;
  /** Resolves at the next change of the node, or when the signal is aborted. */
  change(signal: AbortSignal): Promise<void>;
}

interface Device {
  plugin: DevicePlugin;
  users: Set<string>;
  /** Undefined: an earlier kubelet's, of which that is not known yet. */
  attachable: boolean | undefined;
  mounted: boolean;
  failures: number;
}

export interface DevicesOptions {
  clock: Clock;
  logger: Logger;
  node: NodeView;
  lock: KeyedLock;
}

/** Milliseconds. */
const firstRetry = 500;
const lastRetry = 122_000;
const attachPatience = 123_000;

export class Devices {
  readonly #options: DevicesOptions;
  readonly #devices = new Map<string, Device>();
  constructor(options: DevicesOptions) {
    this.#options = options;
  }
  /** For the Node's `status.volumesInUse`, sorted. */
  inUse(): string[] {
    return [...this.#devices]
      .filter(([, { attachable }]) => attachable !== false)
      .map(([unique]) => unique)
      .sort();
  }
  users(unique: string): ReadonlySet<string> {
    return this.#devices.get(unique)?.users ?? new Set();
  }
  /** What an earlier kubelet has left: used by a pod, or by nobody any more. */
  adopt(unique: string, plugin: DevicePlugin, pod?: string): void {
    const device = this.#devices.get(unique) ?? { plugin, users: new Set<string>(), attachable: undefined, mounted: false, failures: 0 };
    this.#devices.set(unique, device);
    if (pod !== undefined) device.users.add(pod);
  }
  /** Takes down what was adopted and has no user. */
  releaseUnused(): void {
    for (const [unique, { users }] of this.#devices) if (!users.size) void this.#unmount(unique);
  }
  /** Resolves when the volume is attached and mounted for the node. Rejects with the text of the event. */
  async acquire(unique: string, plugin: DevicePlugin, request: VolumeRequest, signal: AbortSignal): Promise<void> {
    const { name } = request.spec;
    const quoted = JSON.stringify(name);
    const attachable = await plugin.attachable(request.spec);
    const device = this.#devices.get(unique) ?? { plugin, users: new Set<string>(), attachable, mounted: false, failures: 0 };
    this.#devices.set(unique, device);
    device.users.add(request.pod.metadata.uid);
    device.attachable = attachable;
    if (attachable) {
      try {
        await this.#attached(unique, signal);
      } catch (error) {
        if (signal.aborted || !(await plugin.exhausted?.(request.spec))) throw error;
        const which = `unmounted volumes=[${request.spec.volume.name}], unattached volumes=[${request.spec.volume.name}], failed to process volumes=[]`;
        throw new VolumeLimitError(`Node has reached its volume attachment limit, rejecting pod. ${which}: ${(error as Error).message}`, { cause: error });
      }
      try {
        await plugin.waitForAttach(request.spec, signal);
      } catch (error) {
        throw new Error(`MountVolume.WaitForAttach failed for volume ${quoted} : ${(error as Error).message}`, { cause: error });
      }
    }
    await this.#options.lock.run(unique, async () => {
      if (device.mounted) return;
      try {
        await plugin.mount(request);
        device.mounted = true;
      } catch (error) {
        const what = request.spec.persistent?.spec.volumeMode === "Block" ? "MapVolume.SetUpDevice" : "MountVolume.MountDevice";
        throw new Error(`${what} failed for volume ${quoted} : ${(error as Error).message}`, { cause: error });
      }
    });
  }
  /** Waits until the API server knows that the volume is in use here, and the attach-detach controller that it is attached. */
  async #attached(unique: string, outer: AbortSignal): Promise<void> {
    const { node, clock } = this.#options;
    const limit = new AbortController();
    const timer = clock.after(attachPatience, () => limit.abort(new Error("timed out waiting for the condition")));
    const signal = AbortSignal.any([outer, limit.signal]);
    try {
      while (!node.get()?.status?.volumesInUse?.includes(unique)) {
        await node.report();
        if (!node.get()?.status?.volumesInUse?.includes(unique)) await node.change(signal);
        signal.throwIfAborted();
      }
      while (!node.get()?.status?.volumesAttached?.some((one) => one.name === unique)) {
        await node.change(signal);
        signal.throwIfAborted();
      }
    } finally {
      timer.cancel();
    }
  }
  /** The pod uses none any more; the last user's going unmounts a volume, in the background. */
  release(pod: string): void {
    for (const [unique, { users }] of this.#devices) if (users.delete(pod) && !users.size) void this.#unmount(unique);
  }
  async #unmount(unique: string): Promise<void> {
    const { lock, logger, clock, node } = this.#options;
    await lock.run(unique, async () => {
      const device = this.#devices.get(unique);
      if (!device || device.users.size) return;
      device.mounted = false;
      try {
        await device.plugin.unmount(unique);
      } catch (error) {
        logger.warn("could not unmount a volume from the node", { volume: unique, error });
        clock.after(Math.min(lastRetry, firstRetry * 2 ** device.failures++), () => void this.#unmount(unique));
        return;
      }
      // Somebody may have come for it meanwhile, and waits for this to end.
      if (device.users.size) return;
      this.#devices.delete(unique);
      if (device.attachable !== false) node.report().catch((error: unknown) => logger.warn("could not report the volumes in use", { error }));
    });
  }
}
