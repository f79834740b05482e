/** Files that flags and configuration name. */
import { readFileSync } from "node:fs";
import { FlagError } from "./flag-error.ts";

/** Throws FlagError that names `where` (a flag or a field) when it cannot be read. */
export function readNamed(path: string, where: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new FlagError([`${where}: ${code === "ENOENT" ? `${path} does not exist` : code === "EACCES" ? `${path} may not be read` : message}`]);
  }
}

/** Throws FlagError when the file holds no PEM block. */
export function readPEM(path: string, where: string): string {
  const content = readNamed(path, where);
  if (!/-----BEGIN [A-Z0-9 ]+-----/.test(content)) throw new FlagError([`${where}: ${path} holds no PEM block (-----BEGIN ...-----)`]);
  return content;
}
