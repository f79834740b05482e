/** What is kept of each CSI volume beside its mount point, so that it can be taken down after a restart; the files are upstream's. */
import { mkdir, readFile, rename, rm, rmdir, writeFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { isMountPoint } from "../../../linux/mounts.ts";

export const pluginName = "kubernetes.io/csi";
const fileName = "vol_data.json";

export interface VolumeData {
  driverName: string;
  volumeHandle: string;
  specVolID?: string;
  nodeName?: string;
  attachmentID?: string;
  volumeLifecycleMode?: string;
}

const code = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? "";
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** The name of the VolumeAttachment. */
export const attachmentName = (handle: string, driver: string, node: string): string => `csi-${sha256(`${handle}${driver}${node}`)}`;
/** An inline volume is known to its driver by this. */
export const inlineHandle = (pod: string, name: string): string => `csi-${sha256(`${pod}${name}`)}`;
export const uniqueNameOf = ({ driverName, volumeHandle }: VolumeData): string => `${pluginName}/${driverName}^${volumeHandle}`;
export function splitUnique(unique: string): { driverName: string; volumeHandle: string } {
  const name = unique.slice(pluginName.length + 1);
  const at = name.indexOf("^");
  return { driverName: name.slice(0, at), volumeHandle: name.slice(at + 1) };
}

/** Where a volume is mounted once for the node. */
export const globalMount = (rootDir: string, driver: string, handle: string): string =>
  `${rootDir}/plugins/${pluginName}/${driver}/${sha256(handle)}/globalmount`;

/** Undefined when there is none, or when it is only half there: it was never used then, for it is written at once. */
export async function loadData(directory: string): Promise<VolumeData | undefined> {
  let text: string;
  try {
    text = await readFile(`${directory}/${fileName}`, "utf8");
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(code(error))) return undefined;
    throw error;
  }
  try {
    const data = JSON.parse(text) as VolumeData;
    return typeof data.driverName === "string" && typeof data.volumeHandle === "string" ? data : undefined;
  } catch {
    return undefined;
  }
}

export async function saveData(directory: string, data: VolumeData): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o750 });
  await writeFile(`${directory}/.${fileName}`, `${JSON.stringify(data)}\n`);
  await rename(`${directory}/.${fileName}`, `${directory}/${fileName}`);
}

/** Removes a mount point that a driver has left, with the file beside it, unless something is still mounted. */
export async function removeMountDirectory(mountPath: string): Promise<void> {
  if (isMountPoint(mountPath)) return;
  const directory = dirname(mountPath);
  const gone = (error: unknown): void => {
    if (code(error) !== "ENOENT") throw error;
  };
  await rmdir(mountPath).catch(async (error: unknown) => {
    // Where a driver shows a file.
    if (code(error) === "ENOTDIR") await rm(mountPath);
    else gone(error);
  });
  await rm(`${directory}/${fileName}`, { force: true });
  await rm(`${directory}/.${fileName}`, { force: true });
  await rmdir(directory).catch(gone);
}
