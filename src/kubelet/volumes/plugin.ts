/**
 * What a kind of volume is to the kubelet (upstream's pkg/volume/plugins.go). One plugin a file; the manager (volumes.ts) keeps
 * the order: wait until it is attached, mount the device once for the node, set the volume up for each pod; and back.
 */
import type { PersistentVolume, PersistentVolumeClaim, Pod, Volume } from "../../api/types/core-v1.gen.ts";
import type { ImageSpec } from "../../cri/types.gen.ts";
import type { Sent } from "../../cri/client.ts";
import type { PayloadSources } from "./payload.ts";
import type { VolumeUsage } from "./usage.ts";

/** What containers are given of a volume. */
export interface MountedVolume {
  /** On the host: a directory or a file; of a raw block volume the device. Empty where `image` is for the runtime to mount. */
  path: string;
  readOnly: boolean;
  /** A raw block volume: for `volumeDevices`, not for `volumeMounts`. */
  block?: boolean;
  /** An image that the runtime itself mounts (KEP-4639). */
  image?: Sent<ImageSpec>;
}
export type MountedVolumes = ReadonlyMap<string, MountedVolume>;

/** One volume of a pod, with what stands behind its claim. */
export interface VolumeSpec {
  readonly volume: Volume;
  readonly persistent?: PersistentVolume;
  readonly claim?: PersistentVolumeClaim;
  /** The name of its directories: the persistent volume's, else the pod's own for it. */
  readonly name: string;
  readonly readOnly: boolean;
}

/** A volume of a pod as the disk shows it: all that is known of what an earlier kubelet has set up. */
export interface Place {
  /** The pod's uid. */
  pod: string;
  /** As in VolumeSpec. */
  name: string;
  /** `pods/<uid>/volumes/<plugin>/<name>`, or `pods/<uid>/volumeDevices/<plugin>/<name>` of a raw block volume. */
  path: string;
}

export interface VolumeRequest {
  pod: Pod;
  spec: VolumeSpec;
  place: Place;
  sources: PayloadSources;
  /** This kubelet has set it up before: the pod's containers may be looking at it. */
  again: boolean;
}

/**
 * All methods are idempotent: they are called again after a failure and after a restart, for what is there already or half
 * there. They reject with the text of the event, which is upstream's. A plugin that shows nothing below the pod's directory
 * (hostPath, image) has nothing to tear down.
 *
 * A plugin for image volumes answers with `image` (the runtime mounts it, with the `subPath` of each mount as its
 * `imageSubPath`) or, where the runtime cannot, with the `path` of a directory that holds the image's files.
 */
export interface VolumePlugin {
  /** `kubernetes.io/empty-dir` */
  readonly name: string;
  /** Whether mount options of a persistent volume have a meaning. @default false */
  readonly mountOptions?: boolean;
  supports(spec: VolumeSpec): boolean;
  /** Whether it is set up again whenever the pod is looked at, because what it shows may have changed. @default never */
  follows?(spec: VolumeSpec): boolean;
  setUp(request: VolumeRequest): Promise<MountedVolume>;
  /** Nothing of it is left below `place.path` afterwards, and nothing of what it showed is harmed. */
  tearDown(place: Place): Promise<void>;
  /** Of a volume that is set up. Absent: of its directory. Undefined: it cannot be told. */
  usage?(spec: VolumeSpec, place: Place, mounted: MountedVolume): Promise<VolumeUsage | undefined>;
  readonly device?: DevicePlugin;
  /** Absent: raw block volumes are refused. */
  readonly block?: BlockPlugin;
  /** Grows the volume, which is set up, to `size` (a quantity). Rejects with ExpansionError. Absent: nothing has to be done on a node. */
  expand?(request: VolumeRequest, size: string): Promise<void>;
}

/** Volumes that are mounted once for the node, however many pods use them. */
export interface DevicePlugin {
  /** `<plugin>/<volume>`, the same for every pod; undefined for volumes that are each pod's own. */
  uniqueName(spec: VolumeSpec): string | undefined;
  /** The same from the disk. */
  uniqueNameOf(place: Place): Promise<string | undefined>;
  /** Whether the attach-detach controller has to act first. */
  attachable(spec: VolumeSpec): Promise<boolean>;
  /** Resolves when it is attached; rejects when it cannot be, or not in time. */
  waitForAttach(spec: VolumeSpec, signal: AbortSignal): Promise<void>;
  /** Of a volume that was waited for in vain: whether the node has no room for it. Absent: that is not told. */
  exhausted?(spec: VolumeSpec): Promise<boolean>;
  mount(request: VolumeRequest): Promise<void>;
  /** Of a volume that no pod of this node uses. */
  unmount(unique: string): Promise<void>;
  /** Unique names of what is mounted for the node. */
  mounted(): Promise<string[]>;
}

/** Raw block volumes. */
export interface BlockPlugin {
  /** Directory below which each pod's reference to the device is kept: `plugins/<plugin>/volumeDevices/<volume>`. */
  globalMapPath(name: string): string;
  /** Path of the device on the host. */
  map(request: VolumeRequest): Promise<string>;
  unmap(place: Place): Promise<void>;
}

/** `kubernetes.io/csi` as a directory's name. */
export const directoryName = (plugin: string): string => plugin.replace("/", "~");

/** Setting up a volume failed; the message is that of the event. */
export class VolumeError extends Error {
  override name = "VolumeError";
}

/** The node takes no more volumes: the pod has to go elsewhere. */
export class VolumeLimitError extends VolumeError {
  override name = "VolumeLimitError";
}
