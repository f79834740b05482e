/** Signs certificate requests with an authority's key, as kube-controller-manager does (pkg/controller/certificates/authority). */
import "reflect-metadata";
import { createPrivateKey, type webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";
import { issuedAlternatives, issuedSubject } from "../api/certificates/issued-names.ts";
import { requestNames } from "../api/certificates/request-names.ts";
import type { Clock } from "../base/clock.ts";
import type { SignRequest } from "../controllers/runtime/options.ts";
import { table } from "../base/table.ts";

const backdate = 5 * 60_000;
/** Milliseconds of life below which the end is not backdated with the beginning. */
const short = 8 * 3600_000;
const alternativeNames = "2.5.29.17";
/** Bytes of a subject that names nothing. */
const emptySequence = 2;
const flags = x509.KeyUsageFlags;
const keyUsages = table<number>({
  signing: flags.digitalSignature,
  "digital signature": flags.digitalSignature,
  "content commitment": flags.nonRepudiation,
  "key encipherment": flags.keyEncipherment,
  "key agreement": flags.keyAgreement,
  "data encipherment": flags.dataEncipherment,
  "cert sign": flags.keyCertSign,
  "crl sign": flags.cRLSign,
  "encipher only": flags.encipherOnly,
  "decipher only": flags.decipherOnly,
});
/** In the order in which they are written. */
const extendedUsages = table<string>({
  any: "2.5.29.37.0",
  "server auth": "1.3.6.1.5.5.7.3.1",
  "client auth": "1.3.6.1.5.5.7.3.2",
  "code signing": "1.3.6.1.5.5.7.3.3",
  "email protection": "1.3.6.1.5.5.7.3.4",
  "s/mime": "1.3.6.1.5.5.7.3.4",
  "ipsec end system": "1.3.6.1.5.5.7.3.5",
  "ipsec tunnel": "1.3.6.1.5.5.7.3.6",
  "ipsec user": "1.3.6.1.5.5.7.3.7",
  timestamping: "1.3.6.1.5.5.7.3.8",
  "ocsp signing": "1.3.6.1.5.5.7.3.9",
  "microsoft sgc": "1.3.6.1.4.1.311.10.3.3",
  "netscape sgc": "2.16.840.1.113730.4.1",
});

export interface Authority {
  /** PEM. */
  certificate: string;
  key: string;
  clock: Clock;
}

/** Rejects when the authority has expired, or the request is not signed by the key it names. */
export function requestSigner({ certificate, key, clock }: Authority): (asked: Omit<Parameters<SignRequest>[0], "signerName">) => Promise<string> {
  const issuer = new x509.X509Certificate(certificate);
  const { algorithm, imported } = signingKey(key);
  return async ({ request: pem, usages, seconds }) => {
    const request = new x509.Pkcs10CertificateRequest(pem);
    if (!(await request.verify())) throw new Error(`unable to verify certificate request signature of ${request.subject}`);
    const now = clock.now();
    const end = issuer.notAfter.getTime();
    if (now >= end) throw new Error(`refusing to sign a certificate that expired in the past: NotAfter=${issuer.notAfter.toISOString()}`);
    const life = seconds * 1000;
    const usage = usages.reduce((bits, name) => bits | (keyUsages[name] ?? 0), 0);
    const extended = [...new Set(Object.keys(extendedUsages).flatMap((name) => (usages.includes(name) ? [extendedUsages[name] as string] : [])))];
    const base64 = Buffer.from(pem).toString("base64");
    const subject = Buffer.from(issuedSubject(base64));
    const names = issuedAlternatives(requestNames(base64));
    const serial = Buffer.from(crypto.getRandomValues(new Uint8Array(16)));
    serial[0] = ((serial[0] as number) & 0x7f) | 0x01;
    const issued = await x509.X509CertificateGenerator.create({
      serialNumber: serial.toString("hex"),
      subject: new x509.Name(subject),
      issuer: issuer.subjectName,
      notBefore: new Date(now - backdate),
      notAfter: new Date(Math.min(now + life - (life < short ? 0 : backdate), end)),
      signingAlgorithm: algorithm,
      signingKey: await imported,
      publicKey: request.publicKey,
      extensions: [
        ...(usage ? [new x509.KeyUsagesExtension(usage, true)] : []),
        ...(extended.length ? [new x509.ExtendedKeyUsageExtension(extended)] : []),
        new x509.BasicConstraintsExtension(false, undefined, true),
        await x509.AuthorityKeyIdentifierExtension.create(issuer),
        ...(names ? [new x509.Extension(alternativeNames, subject.length === emptySequence, Buffer.from(names))] : []),
      ],
    });
    return `${issued.toString("pem")}\n`;
  };
}

type SigningAlgorithm = { name: string; hash: string; namedCurve?: string };

/** Throws for a key that is neither RSA nor ECDSA. */
function signingKey(pem: string): { algorithm: SigningAlgorithm; imported: Promise<webcrypto.CryptoKey> } {
  const key = createPrivateKey(pem);
  const curves: Record<string, [curve: string, hash: string]> = {
    prime256v1: ["P-256", "SHA-256"],
    secp384r1: ["P-384", "SHA-384"],
    secp521r1: ["P-521", "SHA-512"],
  };
  const [namedCurve, hash = "SHA-256"] = curves[key.asymmetricKeyDetails?.namedCurve ?? ""] ?? [];
  if (!namedCurve && key.asymmetricKeyType !== "rsa")
    throw new Error(`unknown key type ${key.asymmetricKeyType}, must be RSA or ECDSA with curve 256, 384, or 521`);
  const algorithm = namedCurve ? { name: "ECDSA", namedCurve, hash } : { name: "RSASSA-PKCS1-v1_5", hash };
  const imported = crypto.subtle.importKey("pkcs8", key.export({ type: "pkcs8", format: "der" }), algorithm, false, ["sign"]);
  // Whoever signs hears of it.
  imported.catch(() => {});
  return { algorithm, imported };
}
