/**
 * Puts files into a directory so that a reader sees either all old or all new ones (upstream's
 * pkg/volume/util/atomic_writer.go): the files lie in a directory with the time in its name, `..data` points to it and is
 * exchanged by one rename, and what users see are links through `..data`.
 */
import { chmod, chown, mkdir, readdir, readFile, readlink, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";

export interface PayloadFile {
  data: Uint8Array;
  mode: number;
  /** Owner, where it is not root. */
  uid?: number;
}
/** By path relative to the directory. */
export type Payload = ReadonlyMap<string, PayloadFile>;

const dataLink = "..data";

async function current(directory: string): Promise<string | undefined> {
  try {
    return await readlink(`${directory}/${dataLink}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function filesBelow(directory: string, prefix = ""): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = `${prefix}${entry.name}`;
    if (entry.isDirectory()) found.push(...(await filesBelow(`${directory}/${entry.name}`, `${path}/`)));
    else found.push(path);
  }
  return found;
}

async function unchanged(directory: string, payload: Payload): Promise<boolean> {
  const files = await filesBelow(directory);
  if (files.length !== payload.size) return false;
  for (const file of files) {
    const wanted = payload.get(file);
    if (!wanted || !(await readFile(`${directory}/${file}`)).equals(wanted.data)) return false;
  }
  return true;
}

/** `..2026_11_21_10_00_00.1234567890` */
function directoryName(clock: Clock, random: Random): string {
  const time = new Date(clock.now()).toISOString().slice(0, 19).replace(/[-T:]/g, "_");
  return `..${time}.${random.int(2 ** 31)}`;
}

export interface AtomicWriterOptions {
  clock: Clock;
  random: Random;
  /** Called on the new directory before it becomes visible: ownership. */
  prepare?(directory: string): Promise<void>;
}

/**
 * Makes `directory` show exactly `payload`. True when something changed. Rejects for a path that leads out of it and for
 * what the file system says; the old content then stays.
 */
export async function writeAtomically(directory: string, payload: Payload, options: AtomicWriterOptions): Promise<boolean> {
  for (const path of payload.keys())
    if (path.startsWith("/") || path.split("/").includes("..") || path.startsWith("..")) throw new Error(`invalid path: must not contain '..': ${path}`);
  const old = await current(directory);
  if (old !== undefined && (await unchanged(`${directory}/${old}`, payload))) return false;
  const name = directoryName(options.clock, options.random);
  const fresh = `${directory}/${name}`;
  try {
    await mkdir(fresh, { mode: 0o755 });
    await chmod(fresh, 0o755);
    for (const [path, file] of payload) await writeOne(`${fresh}/${path}`, file);
    await options.prepare?.(fresh);
    await rm(`${directory}/..data_tmp`, { force: true });
    await symlink(name, `${directory}/..data_tmp`);
    await rename(`${directory}/..data_tmp`, `${directory}/${dataLink}`);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    throw error;
  }
  await linkUsersView(directory, payload);
  if (old !== undefined) await rm(`${directory}/${old}`, { recursive: true, force: true });
  return true;
}

async function writeOne(path: string, file: PayloadFile): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  await writeFile(path, file.data, { mode: file.mode });
  // The mode of creation is subject to the umask.
  await chmod(path, file.mode);
  if (file.uid !== undefined) await chown(path, file.uid, -1);
}

async function linkUsersView(directory: string, payload: Payload): Promise<void> {
  const visible = new Set([...payload.keys()].map((path) => path.split("/")[0] as string));
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (entry.name.startsWith("..")) continue;
    if (visible.has(entry.name)) visible.delete(entry.name);
    // Directories are not links of ours: other volumes of the pod may be mounted there.
    else if (entry.isSymbolicLink()) await rm(`${directory}/${entry.name}`, { force: true });
  }
  for (const entry of visible) await symlink(`${dataLink}/${entry}`, `${directory}/${entry}`);
}
