/** PKCS #10 requests of many shapes, right and wrong, made by openssl; and what a certificate says, without what is drawn by chance. */
import { execFileSync } from "node:child_process";
import { type createPrivateKey, createPublicKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { writeFileSync } from "node:fs";

export interface Wish {
  /** As openssl's `-subj`. @default /CN=somebody */
  subject?: string;
  /** As in openssl's configuration: `DNS:a,IP:1.2.3.4`. */
  names?: string;
  /** Other extensions, lines of openssl's configuration. */
  extensions?: readonly string[];
  key?: "p256" | "p384" | "p521" | "rsa2048" | "rsa1024" | "ed25519";
}

const makers: Record<NonNullable<Wish["key"]>, () => { privateKey: unknown }> = {
  p256: () => generateKeyPairSync("ec", { namedCurve: "P-256" }),
  p384: () => generateKeyPairSync("ec", { namedCurve: "P-384" }),
  p521: () => generateKeyPairSync("ec", { namedCurve: "P-521" }),
  rsa2048: () => generateKeyPairSync("rsa", { modulusLength: 2048 }),
  rsa1024: () => generateKeyPairSync("rsa", { modulusLength: 1024 }),
  ed25519: () => generateKeyPairSync("ed25519"),
};
const pemOf = (key: unknown): string => (key as ReturnType<typeof createPrivateKey>).export({ type: "pkcs8", format: "pem" }).toString();

export class Requests {
  readonly #path: (file: string) => string;
  readonly #keys = new Map<string, string>();

  constructor(path: (file: string) => string) {
    this.#path = path;
  }
  #key(kind: NonNullable<Wish["key"]>): string {
    const known = this.#keys.get(kind);
    if (known) return known;
    const file = this.#path(`request-${kind}.key`);
    writeFileSync(file, pemOf(makers[kind]().privateKey));
    this.#keys.set(kind, file);
    return file;
  }
  /** PEM. */
  make({ subject = "/CN=somebody", names, extensions = [], key = "p256" }: Wish = {}): string {
    const added = [...(names ? [`subjectAltName=${names}`] : []), ...extensions].flatMap((line) => ["-addext", line]);
    const args = ["req", "-new", "-utf8", "-key", this.#key(key), "-subj", subject, ...added];
    return execFileSync("openssl", args, { stdio: ["ignore", "pipe", "pipe"] }).toString();
  }
}

export const base64 = (text: string | Uint8Array): string => Buffer.from(text).toString("base64");

/** The DER inside changed by `change`, as PEM again. */
export function tampered(pem: string, change: (der: Buffer) => Buffer): string {
  const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ""), "base64");
  const lines = change(der)
    .toString("base64")
    .replace(/(.{64})/g, "$1\n")
    .trim();
  return `-----BEGIN CERTIFICATE REQUEST-----\n${lines}\n-----END CERTIFICATE REQUEST-----\n`;
}

/** `status.certificate` as lines; the key and the chain are checked against what was asked and who signed. */
export function described(certificate: string, request: string, authority: string, madeAt: number): string[] {
  const pem = Buffer.from(certificate, "base64").toString();
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  const leaf = new X509Certificate(blocks[0] ?? pem);
  const text = execFileSync("openssl", ["x509", "-noout", "-text", "-certopt", "no_pubkey,no_sigdump,no_serial"], { input: pem }).toString();
  const asked = execFileSync("openssl", ["req", "-noout", "-pubkey"], { input: request }).toString();
  const issuer = new X509Certificate(authority);
  const seconds = (leaf.validToDate.getTime() - leaf.validFromDate.getTime()) / 1000;
  const backdated = Math.round((madeAt - leaf.validFromDate.getTime()) / 60_000);
  return [
    `blocks ${blocks.length}, of the authority ${leaf.checkIssued(issuer) && leaf.verify(issuer.publicKey)}`,
    `key of the request ${leaf.publicKey.equals(createPublicKey(asked))}`,
    `lasts ${seconds} s, begins ${backdated} minutes before it was made`,
    `serial of more than 64 bits ${leaf.serialNumber.length > 16}`,
    ...text
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line && !/^(Not (Before|After)|Validity|Certificate:|Data:)/.test(line)),
  ];
}
