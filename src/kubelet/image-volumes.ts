/** Images that containers mount: pulled as their own images are, then the runtime's to mount or ours (KEP-4639). */
import type { Container, Pod, Secret } from "../api/types/core-v1.gen.ts";
import { CriError, type Sent } from "../cri/client.ts";
import type { PodSandboxConfig } from "../cri/types.gen.ts";
import { type Images, StartError } from "./images.ts";
import type { ImageViews } from "./volumes/image-views.ts";
import type { MountedVolume, MountedVolumes } from "./volumes/plugin.ts";

export interface ImageVolumesOptions {
  images: Images;
  /** Undefined: the runtime mounts images itself. */
  views: ImageViews | undefined;
}

/** Names of the pod's image volumes that the container mounts. */
const mountedBy = (pod: Pod, container: Container): string[] => {
  const names = new Set((pod.spec.volumes ?? []).filter((volume) => volume.image).map((volume) => volume.name));
  return [...new Set((container.volumeMounts ?? []).map((mount) => mount.name))].filter((name) => names.has(name));
};

/** References of those images, for the back-off of the container's start. */
export const imageReferences = (pod: Pod, container: Container): string[] => [
  container.image ?? "",
  ...mountedBy(pod, container).map((name) => pod.spec.volumes?.find((volume) => volume.name === name)?.image?.reference ?? ""),
];

export class ImageVolumes {
  readonly #options: ImageVolumesOptions;
  /** By pod: ids of the images that its volumes show. */
  readonly #shown = new Map<string, Set<string>>();
  constructor(options: ImageVolumesOptions) {
    this.#options = options;
  }
  /** Ids of images that are in use by what this kubelet has started. */
  *mountedImages(): Generator<string> {
    for (const ids of this.#shown.values()) yield* ids;
  }
  forget(uid: string): void {
    this.#shown.delete(uid);
  }
  /** For one look at a pod: each image is pulled once, when the first container wants it. */
  for(
    pod: Pod,
    volumes: MountedVolumes,
    input: { pullSecrets: readonly Secret[]; runtimeHandler: () => Promise<string>; signal: AbortSignal },
  ): (container: Container, sandbox: Sent<PodSandboxConfig>) => Promise<MountedVolumes> {
    const begun = new Map<string, Promise<MountedVolume>>();
    return async (container, sandbox) => {
      const names = mountedBy(pod, container);
      if (!names.length) return volumes;
      for (const name of names) if (!begun.has(name)) begun.set(name, this.#ready(pod, name, volumes, sandbox, input));
      // All of them end before one failure is told: the last is the container's.
      const results = await Promise.allSettled(names.map((name) => begun.get(name) as Promise<MountedVolume>));
      const failure = results.findLast((result) => result.status === "rejected");
      if (failure) throw failure.reason;
      return new Map([...volumes, ...results.flatMap((result, i) => (result.status === "fulfilled" ? [[names[i] as string, result.value] as const] : []))]);
    };
  }
  async #ready(
    pod: Pod,
    name: string,
    volumes: MountedVolumes,
    sandbox: Sent<PodSandboxConfig>,
    { pullSecrets, runtimeHandler, signal }: { pullSecrets: readonly Secret[]; runtimeHandler: () => Promise<string>; signal: AbortSignal },
  ): Promise<MountedVolume> {
    const source = pod.spec.volumes?.find((volume) => volume.name === name)?.image;
    const volume = volumes.get(name);
    const reference = source?.reference ?? "";
    if (!volume) throw new StartError("CreateContainerConfigError", `cannot find volume ${JSON.stringify(name)}`);
    const { id } = await this.#options.images.ensure({ pod, reference, pullPolicy: source?.pullPolicy ?? "IfNotPresent" }, pullSecrets, sandbox, signal);
    this.#shown.set(pod.metadata.uid, (this.#shown.get(pod.metadata.uid) ?? new Set()).add(id));
    const { views } = this.#options;
    if (!views)
      return {
        ...volume,
        image: { image: id, userSpecifiedImage: reference, runtimeHandler: await runtimeHandler(), annotations: pod.metadata.annotations ?? {} },
      };
    try {
      await views.show({ pod: pod.metadata.uid, name, path: volume.path }, id);
    } catch (error) {
      const why = error instanceof CriError ? error.details : (error as Error).message;
      throw new StartError("CreateContainerError", `ImageVolumeMountFailed: failed to mount image ${JSON.stringify(reference)}: ${why}`);
    }
    return { path: volume.path, readOnly: true };
  }
}
