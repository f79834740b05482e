/** Files that flags and configuration name. */
import { createPrivateKey, X509Certificate } from "node:crypto";
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

/** Throws FlagError for anything but certificates. */
export function readCertificates(path: string, where: string): string {
  return checked(path, where, "certificate", (content) => {
    for (const block of content.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [content]) new X509Certificate(block);
  });
}

/** Throws FlagError for anything but a private key. */
export function readPrivateKey(path: string, where: string): string {
  return checked(path, where, "private key", (content) => void createPrivateKey(content));
}

function checked(path: string, where: string, what: string, check: (content: string) => void): string {
  const content = readPEM(path, where);
  try {
    check(content);
  } catch (error) {
    throw new FlagError([`${where}: ${path} is no PEM ${what}: ${(error as Error).message}`]);
  }
  return content;
}
