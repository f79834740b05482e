/** Images by what a person calls them. */
import { parseImageName } from "../../api/core/image-name.ts";
import type { ImageStore } from "../images/store.ts";
import { UsageError } from "./options.ts";

export const noImage = (wanted: string): UsageError => new UsageError(`no image ${wanted}: \`k8ts image ls\` lists what is there`);

/** The name by which containerd knows what a person means. */
export async function nameOf(store: ImageStore, wanted: string): Promise<string> {
  const found = await store.find(wanted);
  const name = found?.name ?? found?.image.names[0] ?? found?.image.digests[0];
  if (!name)
    throw parseImageName(wanted) || /^(sha256:)?[0-9a-f]+$/.test(wanted) ? noImage(wanted) : new UsageError(`${JSON.stringify(wanted)} is no image name`);
  return name;
}
