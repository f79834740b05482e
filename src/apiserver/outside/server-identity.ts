/**
 * Whom a certificate is for, as Go's crypto/x509 has it: node takes a common name where there are no alternative names, Go does
 * not. What made a connection fail because the certificate is of an older time can be counted
 * (k8s.io/apiserver/pkg/util/x509metrics).
 */
import { checkServerIdentity as nodeIdentity, type PeerCertificate } from "node:tls";

export const legacyName = "certificate relies on legacy Common Name field, use SANs instead";

/** For `checkServerIdentity` of TLS connections to others. */
export function checkServerIdentity(host: string, certificate: PeerCertificate): Error | undefined {
  const error = nodeIdentity(host, certificate);
  if (error || certificate.subjectaltname) return error;
  return Object.assign(new Error(legacyName), { code: "ERR_TLS_CERT_ALTNAME_INVALID", host, cert: certificate });
}

export interface CertificateSeries {
  missingNames(): void;
  weakSignature(): void;
}

/** OpenSSL's words; it has no code of its own for them. */
const tooWeak = "CA signature digest algorithm too weak";
export const isWeakSignature = ({ message }: Error): boolean => message === tooWeak;

/** Notes something in an audit event. */
export type Annotate = (key: string, value: string) => void;

/** `host`: whom the request was sent to, that `annotate` belongs to. */
export function countCertificate(error: Error, series: CertificateSeries | undefined, host: string, annotate: Annotate | undefined): void {
  if (error.message === legacyName) {
    series?.missingNames();
    annotate?.(`missing-san.invalid-cert.kubernetes.io/${host}`, "relies on a legacy Common Name field instead of the SAN extension for subject validation");
  } else if (isWeakSignature(error)) {
    series?.weakSignature();
    annotate?.(`insecure-sha1.invalid-cert.kubernetes.io/${host}`, "uses an insecure SHA-1 signature");
  }
}
