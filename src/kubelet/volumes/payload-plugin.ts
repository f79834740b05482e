/** The common part of volumes that show API objects: they follow what they show, and only configMaps may lie on a disk. */
import { chmod, mkdir } from "node:fs/promises";
import type { Volume } from "../../api/types/core-v1.gen.ts";
import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import { isMountPoint, unmountBelow } from "../../linux/mounts.ts";
import { removeTree } from "../../linux/remove-tree.ts";
import { writeAtomically } from "./atomic-writer.ts";
import { makeNestedMounts } from "./nested-mounts.ts";
import { giveToGroup } from "./ownership.ts";
import { volumePayload } from "./payload.ts";
import type { VolumePlugin } from "./plugin.ts";
import { mountMemory } from "./tmpfs.ts";

export interface PayloadPluginOptions {
  clock: Clock;
  random: Random;
}

export function payloadPlugin(name: string, source: keyof Volume, options: PayloadPluginOptions & { inMemory: boolean }): VolumePlugin {
  const { clock, random, inMemory } = options;
  return {
    name,
    supports: ({ volume, persistent }) => !persistent && volume[source] !== undefined,
    follows: () => true,
    async setUp({ pod, spec, place: { path }, sources, again }) {
      const payload = await volumePayload(pod, spec.volume, sources);
      if (!payload) throw new Error("the volume shows nothing");
      if (!again) {
        await mkdir(path, { recursive: true, mode: 0o750 });
        if (inMemory && !isMountPoint(path)) mountMemory(path, "");
        await chmod(path, 0o777);
      }
      const fsGroup = pod.spec.securityContext?.fsGroup;
      await writeAtomically(path, payload, {
        clock,
        random,
        ...(fsGroup === undefined ? {} : { prepare: (directory: string) => giveToGroup(directory, { fsGroup, readOnly: true }) }),
      });
      if (!again) await makeNestedMounts(pod, spec.volume.name, path);
      return { path, readOnly: true };
    },
    async tearDown({ path }) {
      unmountBelow(path);
      await removeTree(path);
    },
  };
}
