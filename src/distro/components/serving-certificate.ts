/** The certificate of an HTTPS port: as given, kept in a directory, or made for the life of the process. What makes certificates is loaded when one is made. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import { readCertificates, readPrivateKey } from "./files.ts";
import { FlagError } from "./flag-error.ts";

export interface ServingCertificate {
  cert: string;
  key: string;
}

/** Undefined when neither flag is given. Throws FlagError when they do not belong together. */
export function givenCertificate(
  certFile: string,
  keyFile: string,
  names = { cert: "--tls-cert-file", key: "--tls-private-key-file" },
): ServingCertificate | undefined {
  if (!certFile && !keyFile) return undefined;
  if (!certFile || !keyFile) throw new FlagError([`${names.cert} and ${names.key} must be given together`]);
  const pair = { cert: readCertificates(certFile, names.cert), key: readPrivateKey(keyFile, names.key) };
  const matches = new X509Certificate(pair.cert).checkPrivateKey(createPrivateKey(pair.key));
  if (!matches) throw new FlagError([`${names.key}: ${keyFile} is not the key of the certificate ${certFile}`]);
  return pair;
}

/**
 * A pair that somebody put into the directory is served as it is. Without one it is made, and kept there with an authority of
 * its own (`serving-ca.crt`) that clients can trust. Throws FlagError where the pair is half there or does not belong together.
 */
export async function keptCertificate(directory: string, file: string, hosts: { dns: string[]; ip: string[] }, clock: Clock): Promise<ServingCertificate> {
  const [certFile, keyFile] = [join(directory, `${file}.crt`), join(directory, `${file}.key`)];
  if (!existsSync(join(directory, "serving-ca.crt"))) {
    const [cert, key] = [certFile, keyFile].map((path) => (existsSync(path) ? path : "")) as [string, string];
    const pair = givenCertificate(cert, key, { cert: certFile, key: keyFile });
    if (pair) return pair;
  }
  const { PKI } = await import("../pki.ts");
  const pki = new PKI(directory, clock);
  await pki.ensureCA("serving-ca", `${file}-ca`);
  await pki.ensure({ file, commonName: file, ca: "serving-ca", usages: ["server"], ...hosts });
  return { cert: pki.certificate(file) + pki.certificate("serving-ca"), key: pki.key(file) };
}

/** In memory only. */
export async function ownCertificate(commonName: string, ip: string, clock: Clock): Promise<ServingCertificate> {
  const { selfSigned } = await import("./self-signed.ts");
  return selfSigned(commonName, ip, clock);
}
