/** NFS, mounted for each pod by mount(8) and its helper (upstream's pkg/volume/nfs). */
import { mkdir } from "node:fs/promises";
import { isIPv6 } from "node:net";
import { findProgram, mountByProgram } from "../../linux/mount-program.ts";
import { isMountPoint } from "../../linux/mounts.ts";
import { removeMountPoint } from "./mount-points.ts";
import type { VolumePlugin } from "./plugin.ts";
import { mountUsage } from "./usage.ts";
import { mountOptionsOf } from "./volume-spec.ts";

export const nfsPlugin = (): VolumePlugin => ({
  name: "kubernetes.io/nfs",
  mountOptions: true,
  supports: ({ volume, persistent }) => (persistent ? persistent.spec.nfs : volume.nfs) !== undefined,
  async setUp({ spec, place: { path } }) {
    const source = spec.persistent ? spec.persistent.spec.nfs : spec.volume.nfs;
    if (!source) throw new Error("Spec does not reference a NFS volume type");
    const readOnly = spec.persistent ? spec.readOnly : (source.readOnly ?? false);
    if (isMountPoint(path)) return { path, readOnly };
    if (!(await findProgram("mount.nfs"))) throw new Error("the program mount.nfs is not on this node: install the NFS client (Debian: nfs-common)");
    await mkdir(path, { recursive: true, mode: 0o750 });
    const server = isIPv6(source.server) ? `[${source.server}]` : source.server;
    const options = [...mountOptionsOf(spec), ...(readOnly ? ["ro"] : [])];
    try {
      await mountByProgram({ source: `${server}:${source.path}`, target: path, type: "nfs", options });
    } catch (error) {
      await removeMountPoint(path);
      throw error;
    }
    return { path, readOnly };
  },
  usage: async (_spec, _place, { path }) => mountUsage(path),
  tearDown: ({ path }) => removeMountPoint(path),
});
