/** hostPath volumes: checks and makes what the type asks for (upstream's pkg/volume/hostpath). */
import { chmod, mkdir, stat, writeFile } from "node:fs/promises";
import type { Stats } from "node:fs";
import { dirname } from "node:path";
import type { VolumePlugin } from "./plugin.ts";
import { table } from "../../base/table.ts";

async function look(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

const checks = table<{ what: string; is(stats: Stats): boolean }>({
  Directory: { what: "a directory", is: (s) => s.isDirectory() },
  DirectoryOrCreate: { what: "a directory", is: (s) => s.isDirectory() },
  File: { what: "a file", is: (s) => s.isFile() },
  FileOrCreate: { what: "a file", is: (s) => s.isFile() },
  Socket: { what: "a socket file", is: (s) => s.isSocket() },
  CharDevice: { what: "a character device", is: (s) => s.isCharacterDevice() },
  BlockDevice: { what: "a block device", is: (s) => s.isBlockDevice() },
});

/** Rejects with upstream's text when the path is not what `type` says. */
export async function prepareHostPath(path: string, type: string): Promise<void> {
  if (!type) return;
  const check = checks[type];
  if (!check) throw new Error(`${type} is an invalid volume type`);
  let stats = await look(path);
  if (!stats && type === "DirectoryOrCreate") {
    await mkdir(path, { recursive: true, mode: 0o755 });
    stats = await look(path);
  } else if (!stats && type === "FileOrCreate") {
    if (!(await look(dirname(path)))) throw new Error(`open ${path}: no such file or directory`);
    await writeFile(path, "", { mode: 0o644, flag: "a" });
    await chmod(path, 0o644);
    stats = await look(path);
  }
  if (!stats || !check.is(stats)) throw new Error(`hostPath type check failed: ${path} is not ${check.what}`);
}

/** The node's own files, as they are: nothing is given to anybody, nothing is taken away. */
export const hostPathPlugin = (): VolumePlugin => ({
  name: "kubernetes.io/host-path",
  supports: ({ volume, persistent }) => Boolean(persistent ? persistent.spec.hostPath : volume.hostPath),
  async setUp({ spec: { volume, persistent, readOnly } }) {
    const source = persistent ? persistent.spec.hostPath : volume.hostPath;
    const { path = "", type = "" } = source ?? {};
    if (path.split("/").includes("..")) throw new Error(`invalid HostPath \`${path}\`: must not contain '..'`);
    await prepareHostPath(path, type);
    return { path, readOnly };
  },
  async tearDown() {},
  // Nobody knows how much of the node that is.
  usage: async () => undefined,
});
