/** The certificate of an HTTPS port: as given, kept in a directory, or made for the life of the process. */
import "reflect-metadata";
import { createPrivateKey, X509Certificate } from "node:crypto";
import * as x509 from "@peculiar/x509";
import type { Clock } from "../../base/clock.ts";
import { PKI } from "../pki.ts";
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

/** Made once and kept in the directory, with an authority of its own (`serving-ca.crt`) that clients can trust. */
export async function keptCertificate(directory: string, file: string, hosts: { dns: string[]; ip: string[] }, clock: Clock): Promise<ServingCertificate> {
  const pki = new PKI(directory, clock);
  await pki.ensureCA("serving-ca", `${file}-ca`);
  await pki.ensure({ file, commonName: file, ca: "serving-ca", usages: ["server"], ...hosts });
  return { cert: pki.certificate(file) + pki.certificate("serving-ca"), key: pki.key(file) };
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const year = 365 * 24 * 3600_000;

/** In memory only. */
export async function ownCertificate(commonName: string, ip: string, clock: Clock): Promise<ServingCertificate> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const now = clock.now();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${commonName}`,
    notBefore: new Date(now - 5 * 60_000),
    notAfter: new Date(now + year),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([
        { type: "dns", value: "localhost" },
        { type: "ip", value: ip },
      ]),
    ],
  });
  return { cert: certificate.toString("pem"), key: x509.PemConverter.encode(await crypto.subtle.exportKey("pkcs8", keys.privateKey), "PRIVATE KEY") };
}
