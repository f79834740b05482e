/** Local persistent volumes: a directory or a block device of this node (upstream's pkg/volume/local). */
import { mkdir, readdir, stat } from "node:fs/promises";
import { bind, isMountPoint, otherMountsOf } from "../../linux/mounts.ts";
import { formatAndMount, mountByProgram } from "../../linux/mount-program.ts";
import type { PodEvents } from "../pod-events.ts";
import { removeMountPoint } from "./mount-points.ts";
import { giveToPod } from "./ownership.ts";
import type { VolumePlugin, VolumeRequest, VolumeSpec } from "./plugin.ts";
import { deviceUsage, mountUsage } from "./usage.ts";
import { mountOptionsOf } from "./volume-spec.ts";

const name = "kubernetes.io/local-volume";

export interface LocalPluginOptions {
  rootDir: string;
  events: Pick<PodEvents, "pod">;
}

const pathOf = ({ persistent }: VolumeSpec): string => {
  const path = persistent?.spec.local?.path ?? "";
  if (path.split("/").includes("..")) throw new Error(`invalid path: ${path} must not contain '..'`);
  return path;
};

/** Whether it is a block device. Rejects with upstream's text for what is neither that nor a directory. */
async function isDevice(path: string): Promise<boolean> {
  const stats = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw error.code === "ENOENT" ? new Error(`path ${JSON.stringify(path)} does not exist`) : error;
  });
  if (stats.isBlockDevice()) return true;
  if (stats.isDirectory()) return false;
  throw new Error("only directory and block device are supported");
}

export function localPlugin({ rootDir, events }: LocalPluginOptions): VolumePlugin {
  const pluginDirectory = `${rootDir}/plugins/${name}`;
  const podsDirectory = `${rootDir}/pods/`;
  const mountOf = (volume: string): string => `${pluginDirectory}/mounts/${volume}`;

  async function setUp({ pod, spec, place: { path } }: VolumeRequest): Promise<{ path: string; readOnly: boolean }> {
    const source = pathOf(spec);
    const shown = (await isDevice(source)) ? mountOf(spec.name) : source;
    const { readOnly } = spec;
    if (isMountPoint(path)) return { path, readOnly };
    const others = otherMountsOf(shown).filter((point) => point.startsWith(podsDirectory));
    const fsGroup = pod.spec.securityContext?.fsGroup;
    if (fsGroup !== undefined && others.length) {
      const { gid } = await stat(shown);
      const message = `The requested fsGroup is ${fsGroup}, but the volume ${spec.name} has GID ${gid}. The volume may not be shareable.`;
      if (gid !== fsGroup) events.pod(pod, "Warning", "AlreadyMountedVolume", message);
    }
    await mkdir(path, { recursive: true, mode: 0o750 });
    const options = mountOptionsOf(spec);
    if (options.length) await mountByProgram({ source: shown, target: path, type: "", options: ["bind", ...(readOnly ? ["ro"] : []), ...options] });
    else bind(shown, path, { readOnly });
    // Others that use it already have it as they need it.
    if (!readOnly && !others.length) await giveToPod(pod, path);
    return { path, readOnly };
  }

  return {
    name,
    mountOptions: true,
    supports: ({ persistent }) => persistent?.spec.local !== undefined,
    setUp,
    tearDown: ({ path }) => removeMountPoint(path),
    usage: async (_spec, _place, { path, block }) => (block ? deviceUsage(path) : mountUsage(path)),
    device: {
      uniqueName: (spec) => `${name}/${spec.name}`,
      uniqueNameOf: async (place) => `${name}/${place.name}`,
      attachable: async () => false,
      waitForAttach: async () => {},
      async mount({ spec }) {
        const source = pathOf(spec);
        const target = mountOf(spec.name);
        if (spec.persistent?.spec.volumeMode === "Block" || !(await isDevice(source)) || isMountPoint(target)) return;
        await mkdir(target, { recursive: true, mode: 0o750 });
        const type = spec.persistent?.spec.local?.fsType ?? "ext4";
        try {
          await formatAndMount({ source, target, type, options: [...(spec.readOnly ? ["ro"] : []), ...mountOptionsOf(spec)] });
        } catch (error) {
          await removeMountPoint(target);
          throw new Error(`local: failed to mount device ${source} at ${target} (fstype: ${type}), error ${(error as Error).message}`, { cause: error });
        }
      },
      unmount: (unique) => removeMountPoint(mountOf(unique.slice(name.length + 1))),
      async mounted() {
        const names = await readdir(`${pluginDirectory}/mounts`).catch(() => []);
        return names.map((one) => `${name}/${one}`);
      },
    },
    block: {
      globalMapPath: (volume) => `${pluginDirectory}/volumeDevices/${volume}`,
      async map({ spec }) {
        const path = pathOf(spec);
        if (!(await isDevice(path))) throw new Error(`${path} is not a block device`);
        return path;
      },
      unmap: async () => {},
    },
  };
}
