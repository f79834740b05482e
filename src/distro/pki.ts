/**
 * The cluster's keys and certificates: made once, kept under `<data>/pki` (directory 0700, keys 0600), renewed when less
 * than a third of their life is left or when the names they must carry have changed. ECDSA P-256 throughout. A half-written
 * file cannot appear: each is written beside its place and renamed.
 *
 * Layout follows kubeadm's (https://kubernetes.io/docs/setup/best-practices/certificates/).
 */
import "reflect-metadata";
import { createPrivateKey, type webcrypto, X509Certificate } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as x509 from "@peculiar/x509";
import type { Clock } from "../base/clock.ts";
import { writeFileAtomic } from "./files.ts";

export interface CertificateSpec {
  /** File name without suffix. */
  file: string;
  commonName: string;
  organizations?: string[];
  /** Name of the CA's file. */
  ca: string;
  usages: ("client" | "server")[];
  dns?: string[];
  ip?: string[];
}

const ecdsa = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const day = 24 * 3600_000;
const lifetime = { ca: 3650 * day, leaf: 365 * day };

export class PKI {
  readonly directory: string;
  readonly #clock: Clock;
  constructor(directory: string, clock: Clock) {
    this.directory = directory;
    this.#clock = clock;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }

  certificatePath = (file: string): string => join(this.directory, `${file}.crt`);
  keyPath = (file: string): string => join(this.directory, `${file}.key`);
  certificate = (file: string): string => readFileSync(this.certificatePath(file), "utf8");
  key = (file: string): string => readFileSync(this.keyPath(file), "utf8");

  /** A self-signed authority; kept for its whole life, because everything else hangs on it. */
  async ensureCA(file: string, commonName: string): Promise<void> {
    if (existsSync(this.certificatePath(file)) && existsSync(this.keyPath(file))) return;
    const keys = await crypto.subtle.generateKey(ecdsa, true, ["sign", "verify"]);
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name: `CN=${commonName}`,
      ...this.#validity(lifetime.ca),
      signingAlgorithm: ecdsa,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign | x509.KeyUsageFlags.digitalSignature, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    await this.#write(file, certificate, keys.privateKey);
  }

  /** True when a certificate was made or renewed. */
  async ensure(spec: CertificateSpec): Promise<boolean> {
    if (this.#usable(spec)) return false;
    const issuer = new x509.X509Certificate(this.certificate(spec.ca));
    const signingKey = await crypto.subtle.importKey("pkcs8", x509.PemConverter.decodeFirst(this.key(spec.ca)), ecdsa, false, ["sign"]);
    const keys = await crypto.subtle.generateKey(ecdsa, true, ["sign", "verify"]);
    const names: x509.JsonGeneralName[] = [
      ...(spec.dns ?? []).map((value) => ({ type: "dns" as const, value })),
      ...(spec.ip ?? []).map((value) => ({ type: "ip" as const, value })),
    ];
    const certificate = await x509.X509CertificateGenerator.create({
      subject: new x509.Name([...(spec.organizations ?? []).map((o) => ({ O: [o] })), { CN: [spec.commonName] }]).toString(),
      issuer: issuer.subject,
      ...this.#validity(lifetime.leaf),
      signingAlgorithm: ecdsa,
      signingKey,
      publicKey: keys.publicKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension(spec.usages.map((u) => (u === "client" ? x509.ExtendedKeyUsage.clientAuth : x509.ExtendedKeyUsage.serverAuth))),
        await x509.AuthorityKeyIdentifierExtension.create(issuer),
        ...(names.length ? [new x509.SubjectAlternativeNameExtension(names)] : []),
      ],
    });
    await this.#write(spec.file, certificate, keys.privateKey);
    return true;
  }

  /** The key pair that signs service account tokens: `sa.key` (PKCS#8) and `sa.pub` (SPKI). */
  async ensureServiceAccountKeys(): Promise<void> {
    if (existsSync(join(this.directory, "sa.pub")) && existsSync(this.keyPath("sa"))) return;
    const keys = await crypto.subtle.generateKey(ecdsa, true, ["sign", "verify"]);
    writeFileAtomic(this.keyPath("sa"), await pem(keys.privateKey, "pkcs8", "PRIVATE KEY"), 0o600);
    writeFileAtomic(join(this.directory, "sa.pub"), await pem(keys.publicKey, "spki", "PUBLIC KEY"), 0o600);
  }

  #validity(life: number): { serialNumber: string; notBefore: Date; notAfter: Date } {
    const now = this.#clock.now();
    const serial = Buffer.from(crypto.getRandomValues(new Uint8Array(16)));
    serial[0] = ((serial[0] as number) & 0x7f) | 0x01;
    // Clocks of other machines may lag behind.
    return { serialNumber: serial.toString("hex"), notBefore: new Date(now - 5 * 60_000), notAfter: new Date(now + life) };
  }

  #usable(spec: CertificateSpec): boolean {
    if (!existsSync(this.certificatePath(spec.file)) || !existsSync(this.keyPath(spec.file))) return false;
    const certificate = this.#parsed(spec.file);
    const end = certificate.validToDate.getTime();
    const begin = certificate.validFromDate.getTime();
    if (end - this.#clock.now() < (end - begin) / 3) return false;
    if (!certificate.verify(this.#parsed(spec.ca).publicKey)) return false;
    // A crash between the two files of a renewal leaves a key without its certificate.
    if (!certificate.checkPrivateKey(createPrivateKey(this.key(spec.file)))) return false;
    return (spec.dns ?? []).every((name) => certificate.checkHost(name) !== undefined) && (spec.ip ?? []).every((ip) => certificate.checkIP(ip) !== undefined);
  }

  #parsed(file: string): X509Certificate {
    try {
      return new X509Certificate(this.certificate(file));
    } catch (error) {
      throw new Error(`${this.certificatePath(file)} is damaged (${(error as Error).message}): put back a copy of it, or delete it to have another made`);
    }
  }

  async #write(file: string, certificate: x509.X509Certificate, key: webcrypto.CryptoKey): Promise<void> {
    writeFileAtomic(this.keyPath(file), await pem(key, "pkcs8", "PRIVATE KEY"), 0o600);
    writeFileAtomic(this.certificatePath(file), `${certificate.toString("pem")}\n`, 0o600);
  }
}

async function pem(key: webcrypto.CryptoKey, format: "pkcs8" | "spki", label: string): Promise<string> {
  return `${x509.PemConverter.encode(await crypto.subtle.exportKey(format, key), label)}\n`;
}
