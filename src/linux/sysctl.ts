/** Kernel parameters, by their names with dots: `net.ipv4.ip_forward`. */
import { readFileSync, writeFileSync } from "node:fs";

const path = (name: string): string => `/proc/sys/${name.replaceAll(".", "/")}`;

/** Its value, or undefined where this kernel has none of that name (a module that is not loaded). */
export function readSysctl(name: string): string | undefined {
  try {
    return readFileSync(path(name), "utf8").trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Throws when the kernel refuses. */
export function writeSysctl(name: string, value: string): void {
  writeFileSync(path(name), value);
}
