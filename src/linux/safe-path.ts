/**
 * Paths below a directory whose content somebody else controls: no component may lead out of it, whatever is renamed or
 * linked meanwhile. Every step is taken relative to a descriptor of the step before and follows no symbolic link.
 */
import { chmodSync, closeSync, constants, fstatSync, mkdirSync, openSync, realpathSync } from "node:fs";

const pathOnly = 0o10000000;
const code = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? "";
const step = (descriptor: number, name: string): string => `/proc/self/fd/${descriptor}/${name}`;

export class UnsafePath extends Error {
  override name = "UnsafePath";
}

function components(path: string): string[] {
  const parts = path.split("/").filter((part) => part && part !== ".");
  if (path.startsWith("/")) throw new UnsafePath(`${path} must not be an absolute path`);
  if (parts.includes("..")) throw new UnsafePath(`${path} must not contain '..'`);
  return parts;
}

/** Opens one component without following it. Throws UnsafePath for a symbolic link. */
function open(parent: number, name: string): number {
  const descriptor = openSync(step(parent, name), pathOnly | constants.O_NOFOLLOW);
  if (!fstatSync(descriptor).isSymbolicLink()) return descriptor;
  closeSync(descriptor);
  throw new UnsafePath(`${name} is a symbolic link`);
}

/**
 * Makes the directories of `path` below `root` that are missing, with `mode`. Links inside of the tree are followed as
 * far as they exist. Throws UnsafePath.
 */
export function makeDirectoriesBelow(root: string, path: string, mode: number): void {
  const base = realpathSync(root);
  let existing = base;
  const missing: string[] = [];
  for (const part of components(path)) {
    if (missing.length) missing.push(part);
    else
      try {
        existing = realpathSync(`${existing}/${part}`);
        if (!within(base, existing)) throw new UnsafePath(`${path} leads out of ${root}`);
      } catch (error) {
        if (code(error) !== "ENOENT") throw error;
        missing.push(part);
      }
  }
  let descriptor = openBelow(base, existing);
  try {
    for (const part of missing) {
      mkdirSync(step(descriptor, part), { mode });
      // The mode of creation is subject to the umask.
      chmodSync(step(descriptor, part), mode);
      const next = open(descriptor, part);
      closeSync(descriptor);
      descriptor = next;
    }
  } finally {
    closeSync(descriptor);
  }
}

const within = (base: string, path: string): boolean => path === base || path.startsWith(`${base}/`);

function openBelow(base: string, resolved: string): number {
  let descriptor = openSync(base, pathOnly | constants.O_DIRECTORY);
  try {
    for (const part of resolved.slice(base.length).split("/").filter(Boolean)) {
      const next = open(descriptor, part);
      closeSync(descriptor);
      descriptor = next;
    }
    return descriptor;
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

/**
 * Calls `use` with a path that means exactly what `path` below `root` means now, even if it is exchanged meanwhile. Links
 * inside of the tree are followed. Throws UnsafePath for what leads out of `root`, and what the file system says.
 */
export function withSafePath<T>(root: string, path: string, use: (pinned: string, isDirectory: boolean) => T): T {
  const base = realpathSync(root);
  const resolved = realpathSync([base, ...components(path)].join("/"));
  if (!within(base, resolved)) throw new UnsafePath(`${path} leads out of ${root}`);
  const descriptor = openBelow(base, resolved);
  try {
    return use(`/proc/${process.pid}/fd/${descriptor}`, fstatSync(descriptor).isDirectory());
  } finally {
    closeSync(descriptor);
  }
}
