/** What went wrong on the way, as Go's net, crypto/tls and net/http say it: people search for these texts. */
import { table } from "../../base/table.ts";
import { isWeakSignature, legacyName } from "./server-identity.ts";

interface Where {
  host: string;
  port: number;
}
type NetworkError = NodeJS.ErrnoException & { address?: string; port?: number; hostname?: string; cert?: { valid_to?: string; subjectaltname?: string } };

const dialing = table<string>({
  ECONNREFUSED: "connect: connection refused",
  EHOSTUNREACH: "connect: no route to host",
  ENETUNREACH: "connect: network is unreachable",
  ETIMEDOUT: "connect: connection timed out",
});
const unknownAuthority = new Set([
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "CERT_SIGNATURE_FAILURE",
]);
const unverified = "tls: failed to verify certificate: x509: ";

function wrongName({ host }: Where, names: string): string {
  const of = (kind: string): string[] => [...names.matchAll(new RegExp(`${kind}:([^,]+)`, "g"))].map((match) => (match[1] as string).trim());
  const isAddress = /^[\d.]+$|:/.test(host);
  const known = isAddress ? of("IP Address") : of("DNS");
  if (!known.length && isAddress) return `cannot validate certificate for ${host} because it doesn't contain any IP SANs`;
  if (!known.length) return `certificate is not valid for any names, but wanted to match ${host}`;
  return `certificate is valid for ${known.join(", ")}, not ${host}`;
}

export function goNetworkError(error: NetworkError, where: Where): string {
  const { code = "" } = error;
  const address = error.address
    ? `${error.address.includes(":") ? `[${error.address}]` : error.address}:${error.port ?? where.port}`
    : `${where.host}:${where.port}`;
  if (dialing[code]) return `dial tcp ${address}: ${dialing[code]}`;
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return `dial tcp: lookup ${error.hostname ?? where.host}: no such host`;
  if (unknownAuthority.has(code)) return `${unverified}certificate signed by unknown authority`;
  if (code === "CERT_HAS_EXPIRED" || code === "CERT_NOT_YET_VALID") return `${unverified}certificate has expired or is not yet valid: ${error.message}`;
  if (isWeakSignature(error)) return `${unverified}certificate signed by unknown authority`;
  if (error.message === legacyName) return unverified + legacyName;
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") return unverified + wrongName(where, error.cert?.subjectaltname ?? "");
  if (code === "ECONNRESET") return error.message === "socket hang up" ? "EOF" : "read: connection reset by peer";
  if (code === "EPIPE") return "write: broken pipe";
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER" || code === "EPROTO") return "http: server gave HTTP response to HTTPS client";
  return error.message;
}
