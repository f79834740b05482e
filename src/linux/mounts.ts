/** Mounts by system call: no program is started for each of them. */
import { readFileSync } from "node:fs";
import koffi from "koffi";

const flags = { readonly: 1, noSuid: 2, noDev: 4, noExec: 8, remount: 32, bind: 4096, recursive: 16384, private: 1 << 18, shared: 1 << 20 } as const;
export type MountFlag = keyof typeof flags;

/** The kernel said no. `code` is the error's name as Node writes it: `EBUSY`, `ENOENT`. */
export class MountError extends Error {
  override name = "MountError";
  readonly code: string;
  constructor(what: string, errno: number) {
    const code = Object.entries(koffi.os.errno).find(([, value]) => value === errno)?.[0] ?? String(errno);
    super(`${what}: ${code}`);
    this.code = code;
  }
}

interface Calls {
  mount(source: string | null, target: string, type: string | null, flags: number, data: string | null): number;
  umount2(target: string, flags: number): number;
}
let calls: Calls | undefined;
function libc(): Calls {
  if (!calls) {
    const library = koffi.load(null);
    calls = {
      mount: library.func("int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)"),
      umount2: library.func("int umount2(const char *target, int flags)"),
    };
  }
  return calls;
}

export interface MountRequest {
  source: string;
  target: string;
  /** `tmpfs`; absent for bind mounts. */
  type?: string;
  flags?: readonly MountFlag[];
  /** `size=64m,mode=0777` */
  data?: string;
}

/** Throws MountError. */
export function mount(request: MountRequest): void {
  const bits = (request.flags ?? []).reduce((sum, flag) => sum | flags[flag], 0);
  if (libc().mount(request.source, request.target, request.type ?? null, bits, request.data ?? null) !== 0)
    throw new MountError(`mount ${request.source} on ${request.target}`, koffi.errno());
}

/** Nothing happens when nothing is mounted there. `lazy` detaches even what is in use. Throws MountError. */
export function unmount(target: string, lazy = false): void {
  if (libc().umount2(target, 8 | (lazy ? 2 : 0)) === 0) return;
  const error = new MountError(`unmount ${target}`, koffi.errno());
  if (error.code !== "EINVAL" && error.code !== "ENOENT") throw error;
}

export interface MountPoint {
  point: string;
  /** `8:1` */
  device: string;
  /** What of the file system is mounted. */
  root: string;
  type: string;
  source: string;
}

const plain = (text: string): string => text.replace(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8)));

/** Everything mounted, in the order in which it was (man 5 proc_pid_mountinfo). */
export function mountPoints(): MountPoint[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => {
      const [own, filesystem = ""] = line.split(" - ");
      const [, , device = "", root = "", point = ""] = (own as string).split(" ");
      const [type = "", source = ""] = filesystem.split(" ");
      return { point: plain(point), device, root: plain(root), type, source: plain(source) };
    });
}

/** Mount points below `prefix` (itself included), deepest first. */
export function mountsBelow(prefix: string): string[] {
  const points: string[] = [];
  for (const line of readFileSync("/proc/self/mountinfo", "utf8").split("\n")) {
    const point = plain(line.split(" ")[4] ?? "");
    if (point === prefix || point.startsWith(`${prefix}/`)) points.push(point);
  }
  return points.reverse();
}

export const isMountPoint = (path: string): boolean => mountsBelow(path).includes(path);

/** Other mount points that show what `path` shows. */
export function otherMountsOf(path: string): string[] {
  const all = mountPoints();
  const holds = ({ point }: MountPoint): boolean => point === "/" || path === point || path.startsWith(`${point}/`);
  const holder = all.filter(holds).reduce<MountPoint | undefined>((best, one) => (best && best.point.length > one.point.length ? best : one), undefined);
  if (!holder) return [];
  const join = (a: string, b: string): string => `${a}/${b}`.replaceAll(/\/+/g, "/").replace(/(.)\/$/, "$1");
  const root = join(holder.root, path.slice(holder.point === "/" ? 0 : holder.point.length));
  return all.filter((one) => one.device === holder.device && one.root === root && one.point !== path).map(({ point }) => point);
}

/** Unmounts what is mounted at `prefix` and below it, deepest first. Throws MountError for what is in use. */
export function unmountBelow(prefix: string): void {
  // What is mounted over itself shows once for each time.
  for (const point of mountsBelow(prefix)) unmount(point);
}

/** Shows the directory or file `source` at `target` too. Throws MountError; nothing is mounted then. */
export function bind(source: string, target: string, options: { readOnly?: boolean; recursive?: boolean } = {}): void {
  mount({ source, target, flags: options.recursive ? ["bind", "recursive"] : ["bind"] });
  if (!options.readOnly) return;
  try {
    mount({ source, target, flags: ["bind", "remount", "readonly"] });
  } catch (error) {
    unmount(target);
    throw error;
  }
}
