/**
 * Whom a certificate is for, as Go's crypto/x509 has it: node takes a common name where there are no alternative names, Go does
 * not. What made a connection fail because the certificate is of an older time can be counted
 * (k8s.io/apiserver/pkg/util/x509metrics).
 */
import type { Socket } from "node:net";
import { type DetailedPeerCertificate, checkServerIdentity as nodeIdentity, type PeerCertificate, TLSSocket } from "node:tls";
import { isSignedWithSHA1 } from "../../api/x509/certificate.ts";

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

interface Dated {
  namesMissing: boolean;
  signedWeakly: boolean;
}

/** `host`: whom the request was sent to, that `annotate` belongs to. */
function count({ namesMissing, signedWeakly }: Dated, series: CertificateSeries | undefined, host: string, annotate: Annotate | undefined): void {
  if (namesMissing) {
    series?.missingNames();
    annotate?.(`missing-san.invalid-cert.kubernetes.io/${host}`, "relies on a legacy Common Name field instead of the SAN extension for subject validation");
  }
  if (signedWeakly) {
    series?.weakSignature();
    annotate?.(`insecure-sha1.invalid-cert.kubernetes.io/${host}`, "uses an insecure SHA-1 signature");
  }
}

export function countCertificate(error: Error, series: CertificateSeries | undefined, host: string, annotate: Annotate | undefined): void {
  count({ namesMissing: error.message === legacyName, signedWeakly: isWeakSignature(error) }, series, host, annotate);
}

const seen = new WeakMap<TLSSocket, Dated>();

/** Of the server that has answered: nobody may have asked whether it can be believed. */
export function countAnswering(socket: Socket, series: CertificateSeries | undefined, host: string, annotate: Annotate | undefined): void {
  if (!(socket instanceof TLSSocket)) return;
  let found = seen.get(socket);
  if (!found) {
    found = datedOf(socket.getPeerCertificate(true));
    seen.set(socket, found);
  }
  count(found, series, host, annotate);
}

function datedOf(leaf: DetailedPeerCertificate | null): Dated {
  // A connection that has ended has none.
  if (!leaf?.raw) return { namesMissing: false, signedWeakly: false };
  const chain = new Set<DetailedPeerCertificate>();
  for (let next: DetailedPeerCertificate | undefined = leaf; next?.raw && !chain.has(next); next = next.issuerCertificate) chain.add(next);
  return { namesMissing: !leaf.subjectaltname, signedWeakly: [...chain].some(({ raw }) => isSignedWithSHA1(raw)) };
}
