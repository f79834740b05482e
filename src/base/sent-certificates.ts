/**
 * The certificates that a TLS client sends, all of them and in their order, for servers that verify them themselves.
 *
 * Node tells what came beside the first one only where OpenSSL could not verify it, and OpenSSL forgets it where a session is
 * taken up again. So nothing is verified by OpenSSL here - a revocation list by nobody is asked for each authority's, which no
 * authority has - and every connection begins with a whole handshake. That the client has the first one's key is
 * certain all the same: the handshake fails otherwise.
 */
import { constants } from "node:crypto";
import type { SecureContextOptions, TLSSocket } from "node:tls";

/** Says nothing; it was signed by a key that is gone, and has expired. */
const nobodysRevocations = `-----BEGIN X509 CRL-----
MIGUMD0wCgYIKoZIzj0EAwIwETEPMA0GA1UEAwwGbm9ib2R5Fw0yNjExMjIwMjUw
NTZaFw0yNjExMjMwMjUwNTZaMAoGCCqGSM49BAMCA0cAMEQCIFEPQ5l5fQJWy1cd
98CTjDWA0nZi0qNMQvMdHF/k9JzpAiB1vPayh3lwinP0iF0SEp+FNFZqcGAn/Ruh
f6sjaARVkw==
-----END X509 CRL-----
`;

/** Of a server that has requestCert and not rejectUnauthorized. `authorities`: PEM; clients are told their names, to choose by. */
export const askingForCertificates = (authorities: string | Buffer | (string | Buffer)[] = []): SecureContextOptions => ({
  ca: authorities,
  crl: nobodysRevocations,
  secureOptions: constants.SSL_OP_NO_TICKET,
});

/** DER, the client's own first; empty: it sent none. To be asked once per connection, and kept: Node takes the others out as it reads them. */
export function sentCertificates(socket: TLSSocket): readonly Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let at = socket.getPeerX509Certificate?.(); at; at = at.issuerCertificate) found.push(at.raw);
  return found;
}
