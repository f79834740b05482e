/** A certificate that signs itself, for an HTTPS port that was given none. */
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import type { Clock } from "../../base/clock.ts";
import type { ServingCertificate } from "./serving-certificate.ts";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const year = 365 * 24 * 3600_000;

/** For localhost and the address. */
export async function selfSigned(commonName: string, ip: string, clock: Clock): Promise<ServingCertificate> {
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
