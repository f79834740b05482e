/** What a container sees mounted: its volumes, /etc/hosts and its termination message file. */
import { chmod, mkdir, writeFile } from "node:fs/promises";
import type { Container, Pod, VolumeMount } from "../api/types/core-v1.gen.ts";
import type { Sent } from "../cri/client.ts";
import type { Mount } from "../cri/types.gen.ts";
import { expand } from "./expansion.ts";
import { bindSubPath } from "./volumes/subpath.ts";
import type { MountedVolumes } from "./volumes/plugin.ts";
import { table } from "../base/table.ts";

export interface ContainerMountsInput {
  pod: Pod;
  container: Container;
  podDirectory: string;
  volumes: MountedVolumes;
  env: ReadonlyMap<string, string>;
  /** Content of /etc/hosts; undefined for pods that keep their image's. */
  hosts: string | undefined;
  /** Whether the runtime can make mounts read-only with all that is mounted below them. */
  supportsRecursiveReadOnly(): Promise<boolean>;
  /** Distinguishes this start of the container from others. */
  startName: string;
}

const propagations = table<Mount["propagation"]>({
  None: "PROPAGATION_PRIVATE",
  HostToContainer: "PROPAGATION_HOST_TO_CONTAINER",
  Bidirectional: "PROPAGATION_BIDIRECTIONAL",
});

/** Throws with upstream's text for a variable that is not there. */
function subPathOf(mount: VolumeMount, env: ReadonlyMap<string, string>): string {
  if (!mount.subPathExpr) return mount.subPath ?? "";
  const missing: string[] = [];
  const path = expand(mount.subPathExpr, (name) => {
    const value = env.get(name);
    if (value === undefined) missing.push(name);
    return value ?? "";
  });
  if (missing.length) throw new Error(`missing value for ${missing.map((m) => JSON.stringify(m)).join(", ")}`);
  return path;
}

/** Rejects with upstream's text where it is asked for and cannot be (KEP-3857). */
async function isRecursivelyReadOnly(mount: VolumeMount, supported: () => Promise<boolean>): Promise<boolean> {
  const mode = mount.recursiveReadOnly ?? "Disabled";
  if (mode === "Disabled") return false;
  const asked = `failed to resolve recursive read-only mode: volume ${JSON.stringify(mount.name)} requested recursive read-only mode`;
  if (!mount.readOnly) throw new Error(`${asked}, but it is not read-only`);
  if ((mount.mountPropagation ?? "None") !== "None")
    throw new Error(`${asked}, but it is not compatible with propagation ${JSON.stringify(mount.mountPropagation)}`);
  if (await supported()) return true;
  if (mode === "Enabled") throw new Error(`${asked}, but it is not supported by the runtime`);
  return false;
}

async function volumeMount(input: ContainerMountsInput, mount: VolumeMount, index: number): Promise<Sent<Mount>> {
  const { pod, container } = input;
  const volume = input.volumes.get(mount.name);
  if (!volume) throw new Error(`cannot find volume ${JSON.stringify(mount.name)} to mount into container ${JSON.stringify(container.name)}`);
  if (volume.block) throw new Error(`cannot find volume ${JSON.stringify(mount.name)} to mount into container ${JSON.stringify(container.name)}`);
  const recursiveReadOnly = await isRecursivelyReadOnly(mount, input.supportsRecursiveReadOnly);
  const subPath = subPathOf(mount, input.env);
  if (subPath.startsWith("/")) throw new Error(`error SubPath \`${subPath}\` must not be an absolute path`);
  if (subPath.split("/").includes("..")) throw new Error(`unable to provision SubPath \`${subPath}\`: must not contain '..'`);
  const containerPath = mount.mountPath.startsWith("/") ? mount.mountPath : `/${mount.mountPath}`;
  const readonly = volume.readOnly || mount.readOnly === true;
  if (volume.image) return { containerPath, readonly: true, image: volume.image, imageSubPath: subPath };
  let hostPath = volume.path;
  if (subPath) {
    try {
      hostPath = await bindSubPath({
        podDirectory: input.podDirectory,
        volumeName: mount.name,
        volumePath: volume.path,
        containerName: container.name,
        mountIndex: index,
        subPath,
      });
    } catch (cause) {
      throw new Error(`failed to prepare subPath for volumeMount ${JSON.stringify(mount.name)} of container ${JSON.stringify(container.name)}`, { cause });
    }
  }
  const propagation = propagations[mount.mountPropagation ?? "None"];
  if (!propagation) throw new Error(`invalid MountPropagation mode: ${JSON.stringify(mount.mountPropagation)} in pod ${pod.metadata.name}`);
  return { containerPath, hostPath, readonly, propagation, recursiveReadOnly };
}

export async function containerMounts(input: ContainerMountsInput): Promise<Sent<Mount>[]> {
  const { container, podDirectory } = input;
  const mounts: Sent<Mount>[] = [];
  for (const [index, mount] of (container.volumeMounts ?? []).entries()) mounts.push(await volumeMount(input, mount, index));
  const taken = new Set((container.volumeMounts ?? []).map((m) => m.mountPath));
  if (input.hosts !== undefined && !taken.has("/etc/hosts")) {
    const hostPath = `${podDirectory}/etc-hosts`;
    await writeFile(hostPath, input.hosts, { mode: 0o644 });
    await chmod(hostPath, 0o644);
    mounts.push({ containerPath: "/etc/hosts", hostPath });
  }
  if (container.terminationMessagePath) {
    const directory = `${podDirectory}/containers/${container.name}`;
    const hostPath = `${directory}/${input.startName}`;
    await mkdir(directory, { recursive: true, mode: 0o750 });
    await writeFile(hostPath, "", { mode: 0o666 });
    // Whoever the container runs as may write its last words.
    await chmod(hostPath, 0o666);
    mounts.push({ containerPath: container.terminationMessagePath, hostPath });
  }
  return mounts;
}
