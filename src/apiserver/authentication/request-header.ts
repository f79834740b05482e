/**
 * A trusted front proxy says who is calling (k8s.io/apiserver/pkg/authentication/request/headerrequest): believed only with
 * a client certificate of the proxy's own authority.
 */
import type { ApiRequest } from "../../api/exchange.ts";
import { unauthorized } from "../../api/status.ts";
import type { Authenticator } from "./authenticator.ts";
import type { CertificateVerifier } from "../../api/x509/verifier.ts";

export interface RequestHeaderOptions {
  verifier: CertificateVerifier;
  /** Common names a proxy may have; empty: any of the authority. */
  allowedNames: readonly string[];
  /** e.g. `X-Remote-User`, `X-Remote-Uid`, `X-Remote-Group`, `X-Remote-Extra-`. */
  usernameHeaders: readonly string[];
  uidHeaders: readonly string[];
  groupHeaders: readonly string[];
  extraHeaderPrefixes: readonly string[];
}

const lower = (names: readonly string[]): string[] => names.map((name) => name.trim().toLowerCase());

function valuesOf(request: ApiRequest, name: string): string[] {
  const repeated = request.repeatedHeaders?.[name];
  const single = request.headers[name];
  return repeated ?? (single === undefined ? [] : [single]);
}

function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}

/** Removes what a front proxy sends, so that nothing behind authentication sees it. */
export function clearProxyHeaders(request: ApiRequest, names: readonly string[], prefixes: readonly string[]): void {
  for (const name of Object.keys(request.headers)) {
    if (!names.includes(name) && !prefixes.some((prefix) => name.startsWith(prefix))) continue;
    delete request.headers[name];
    delete request.repeatedHeaders?.[name];
  }
}

export function requestHeaderAuthenticator(options: RequestHeaderOptions): Authenticator {
  const userHeaders = lower(options.usernameHeaders);
  const uidHeaders = lower(options.uidHeaders);
  const groupHeaders = lower(options.groupHeaders);
  const prefixes = lower(options.extraHeaderPrefixes);
  const first = (request: ApiRequest, names: readonly string[]): string => names.map((name) => valuesOf(request, name)[0]).find(Boolean) ?? "";
  return {
    authenticate(request) {
      if (!request.clientCertificates) return undefined;
      const { commonName } = options.verifier.verify(request.clientCertificates);
      if (options.allowedNames.length && !options.allowedNames.includes(commonName)) throw unauthorized();
      const name = first(request, userHeaders);
      if (!name) return undefined;
      const uid = first(request, uidHeaders);
      const groups = groupHeaders.flatMap((header) => valuesOf(request, header)).filter(Boolean);
      const extra: Record<string, string[]> = Object.create(null);
      for (const prefix of prefixes) {
        for (const header of Object.keys(request.headers)) {
          if (!header.startsWith(prefix)) continue;
          const key = decodeKey(header.slice(prefix.length));
          extra[key] = [...(extra[key] ?? []), ...valuesOf(request, header)];
        }
      }
      clearProxyHeaders(request, [...userHeaders, ...uidHeaders, ...groupHeaders], prefixes);
      return { name, ...(uid ? { uid } : {}), groups, ...(Object.keys(extra).length ? { extra } : {}) };
    },
  };
}
