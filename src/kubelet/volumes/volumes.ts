/** The volumes of pods: sets them up below the kubelet's root, keeps those that show API objects current, takes them down. */
import { chmod, mkdir, readdir, rm } from "node:fs/promises";
import { podLimits } from "../../api/core/pod-resources.ts";
import { quantityToNumber } from "../../api/quantity.ts";
import type { PersistentVolume, PersistentVolumeClaim, Pod, Volume } from "../../api/types/core-v1.gen.ts";
import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import { MountError, mount, mountsBelow, unmount } from "../../linux/mounts.ts";
import { writeAtomically } from "./atomic-writer.ts";
import { prepareHostPath } from "./host-path.ts";
import { giveToGroup } from "./ownership.ts";
import { type PayloadSources, volumePayload } from "./payload.ts";

export interface MountedVolume {
  /** On the host. */
  path: string;
  readOnly: boolean;
}
export type MountedVolumes = ReadonlyMap<string, MountedVolume>;

/** Setting up a volume failed; the message is that of the FailedMount event. */
export class VolumeError extends Error {
  override name = "VolumeError";
}

export interface PersistentVolumes {
  claim(namespace: string, name: string): Promise<PersistentVolumeClaim>;
  volume(name: string): Promise<PersistentVolume>;
}

export interface VolumesOptions {
  rootDir: string;
  clock: Clock;
  random: Random;
  persistent: PersistentVolumes;
}

const pluginOf = (volume: Volume): string | undefined =>
  volume.emptyDir
    ? "kubernetes.io~empty-dir"
    : volume.configMap
      ? "kubernetes.io~configmap"
      : volume.secret
        ? "kubernetes.io~secret"
        : volume.downwardAPI
          ? "kubernetes.io~downward-api"
          : volume.projected
            ? "kubernetes.io~projected"
            : undefined;

export class Volumes {
  readonly #options: VolumesOptions;
  /** Directories that are known to be mounted and owned as they should, by pod. */
  readonly #ready = new Map<string, Set<string>>();

  constructor(options: VolumesOptions) {
    this.#options = options;
  }
  podDirectory(uid: string): string {
    return `${this.#options.rootDir}/pods/${uid}`;
  }
  async makePodDirectory(uid: string): Promise<void> {
    for (const part of ["volumes", "plugins", "containers"]) await mkdir(`${this.podDirectory(uid)}/${part}`, { recursive: true, mode: 0o750 });
  }
  /** Brings every volume of the pod up to date. Rejects with VolumeError for the first that cannot be. */
  async prepare(pod: Pod, sources: PayloadSources): Promise<MountedVolumes> {
    const mounted = new Map<string, MountedVolume>();
    for (const volume of pod.spec.volumes ?? []) {
      try {
        mounted.set(volume.name, await this.#prepareOne(pod, volume, sources));
      } catch (error) {
        throw new VolumeError(`MountVolume.SetUp failed for volume ${JSON.stringify(volume.name)} : ${(error as Error).message}`, { cause: error });
      }
    }
    return mounted;
  }
  async #prepareOne(pod: Pod, volume: Volume, sources: PayloadSources): Promise<MountedVolume> {
    if (volume.hostPath) {
      await prepareHostPath(volume.hostPath.path, volume.hostPath.type ?? "");
      return { path: volume.hostPath.path, readOnly: false };
    }
    if (volume.persistentVolumeClaim) return this.#persistent(pod, volume.persistentVolumeClaim.claimName, volume.persistentVolumeClaim.readOnly ?? false);
    if (volume.ephemeral) return this.#persistent(pod, `${pod.metadata.name}-${volume.name}`, false);
    const plugin = pluginOf(volume);
    if (!plugin)
      throw new Error(
        `no volume plugin matched: this node supports none for ${Object.keys(volume)
          .filter((k) => k !== "name")
          .join(", ")}`,
      );
    const path = `${this.podDirectory(pod.metadata.uid)}/volumes/${plugin}/${volume.name}`;
    const ready = this.#readyOf(pod.metadata.uid);
    if (volume.emptyDir) {
      if (!ready.has(path)) await this.#emptyDir(pod, volume, path, sources.facts.allocatable);
      ready.add(path);
      return { path, readOnly: false };
    }
    const payload = await volumePayload(pod, volume, sources);
    if (!payload) throw new Error("the volume shows nothing");
    if (!ready.has(path)) {
      await this.#directory(path);
      // Secrets never touch a disk.
      if (!volume.configMap && !mountsBelow(path).includes(path)) mountTmpfs(path, "");
      ready.add(path);
    }
    const fsGroup = pod.spec.securityContext?.fsGroup;
    await writeAtomically(path, payload, {
      clock: this.#options.clock,
      random: this.#options.random,
      ...(fsGroup === undefined ? {} : { prepare: () => giveToGroup(path, { fsGroup, readOnly: true }) }),
    });
    return { path, readOnly: true };
  }
  #readyOf(uid: string): Set<string> {
    let set = this.#ready.get(uid);
    if (!set) {
      set = new Set();
      this.#ready.set(uid, set);
    }
    return set;
  }
  async #directory(path: string): Promise<void> {
    await mkdir(path, { recursive: true, mode: 0o750 });
    await chmod(path, 0o777);
  }
  async #emptyDir(pod: Pod, volume: Volume, path: string, allocatable: Record<string, string>): Promise<void> {
    const source = volume.emptyDir ?? {};
    await this.#directory(path);
    if (source.medium === "Memory" && !mountsBelow(path).includes(path)) {
      const bounds = [allocatable.memory, podLimits(pod.spec).memory, source.sizeLimit].map((q) => quantityToNumber(String(q ?? 0))).filter((n) => n > 0);
      mountTmpfs(path, bounds.length ? `size=${Math.min(...bounds)}` : "");
    } else if (source.medium && source.medium !== "Memory") throw new Error(`unknown storage medium ${JSON.stringify(source.medium)}`);
    await this.#giveToPod(pod, path);
  }
  async #giveToPod(pod: Pod, path: string): Promise<void> {
    const security = pod.spec.securityContext;
    if (security?.fsGroup === undefined) return;
    await giveToGroup(path, { fsGroup: security.fsGroup, readOnly: false, onRootMismatch: security.fsGroupChangePolicy === "OnRootMismatch" });
  }
  /** Volumes that are directories of this machine; others need a driver that this node does not have. */
  async #persistent(pod: Pod, claimName: string, readOnly: boolean): Promise<MountedVolume> {
    const claim = await this.#options.persistent.claim(pod.metadata.namespace ?? "", claimName);
    const name = claim.spec.volumeName;
    if (!name || claim.status?.phase !== "Bound") throw new Error(`PVC ${claim.metadata.namespace}/${claimName} is not bound`);
    const { spec } = await this.#options.persistent.volume(name);
    if (spec.volumeMode === "Block") throw new Error("block volumes are not supported by this node");
    if (spec.hostPath) {
      await prepareHostPath(spec.hostPath.path, spec.hostPath.type ?? "");
      return { path: spec.hostPath.path, readOnly };
    }
    if (spec.local) {
      await prepareHostPath(spec.local.path, "Directory");
      if (!readOnly) await this.#giveToPod(pod, spec.local.path);
      return { path: spec.local.path, readOnly };
    }
    const kind = Object.keys(spec).filter(
      (k) =>
        !["capacity", "accessModes", "claimRef", "persistentVolumeReclaimPolicy", "storageClassName", "volumeMode", "nodeAffinity", "mountOptions"].includes(k),
    );
    throw new Error(`persistent volumes of type ${kind.join(", ")} are not supported by this node`);
  }
  /** Unmounts and removes everything of the pod below the root. Rejects when something is still in use. */
  async remove(uid: string): Promise<void> {
    const directory = this.podDirectory(uid);
    for (const point of mountsBelow(directory)) unmount(point);
    this.#ready.delete(uid);
    await rm(directory, { recursive: true, force: true });
  }
  /** Uids of the pods that have a directory. */
  async podsOnDisk(): Promise<string[]> {
    try {
      return await readdir(`${this.#options.rootDir}/pods`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
  }
}

/** Memory that is never swapped out, where the kernel can promise it. */
function mountTmpfs(target: string, data: string): void {
  const request = { source: "tmpfs", target, type: "tmpfs" };
  try {
    mount({ ...request, data: data ? `${data},noswap` : "noswap" });
  } catch (error) {
    if (!(error instanceof MountError) || error.code !== "EINVAL") throw error;
    mount({ ...request, data });
  }
}
