/** What the pods' directories say of volumes: the truth after a restart. */
import { readdir } from "node:fs/promises";
import { directoryName, type Place } from "./plugin.ts";

export interface FoundPlace extends Place {
  /** `kubernetes.io/csi` */
  plugin: string;
  block: boolean;
}

async function names(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return [];
    throw error;
  }
}

const kinds = { volumes: false, volumeDevices: true } as const;

export function placeOf(podDirectory: string, pod: string, plugin: string, name: string, block: boolean): Place {
  return { pod, name, path: `${podDirectory}/${block ? "volumeDevices" : "volumes"}/${directoryName(plugin)}/${name}` };
}

/** Everything that was set up for the pod, or was begun to be. */
export async function placesOf(podDirectory: string, pod: string): Promise<FoundPlace[]> {
  const found: FoundPlace[] = [];
  for (const [kind, block] of Object.entries(kinds))
    for (const directory of await names(`${podDirectory}/${kind}`)) {
      const plugin = directory.replace("~", "/");
      for (const name of await names(`${podDirectory}/${kind}/${directory}`)) found.push({ ...placeOf(podDirectory, pod, plugin, name, block), plugin, block });
    }
  return found;
}

/** Uids of the pods that have a directory. */
export const podsBelow = (rootDir: string): Promise<string[]> => names(`${rootDir}/pods`);
