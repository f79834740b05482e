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

/** Mount points below `prefix` (itself included), deepest first. */
export function mountsBelow(prefix: string): string[] {
  const points: string[] = [];
  for (const line of readFileSync("/proc/self/mountinfo", "utf8").split("\n")) {
    const point = line.split(" ")[4]?.replace(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8)));
    if (point !== undefined && (point === prefix || point.startsWith(`${prefix}/`))) points.push(point);
  }
  return points.reverse();
}
