/**
 * Whom the HTTPS port of controller-manager and scheduler believes who he is: client certificates and front proxies. Flags say
 * whose; what they leave out is looked up where the API server publishes its own (kube-system/extension-apiserver-authentication).
 */
import type { IncomingMessage } from "node:http";
import type { TLSSocket } from "node:tls";
import type { ApiRequest, UserInfo } from "../../api/exchange.ts";
import { StatusError } from "../../api/status.ts";
import type { ConfigMap } from "../../api/types/core-v1.gen.ts";
import { type RequestHeaderOptions, requestHeaderAuthenticator } from "../../apiserver/authentication/request-header.ts";
import { CertificateVerifier } from "../../api/x509/verifier.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import { sentCertificates } from "../../base/sent-certificates.ts";
import type { Client } from "../../client/client.ts";
import { configmaps } from "../../client/resources.gen.ts";
import { readCertificates } from "./files.ts";
import { FlagError } from "./flag-error.ts";

export interface TrustFlags {
  readonly "client-ca-file": string;
  readonly "requestheader-client-ca-file": string;
  readonly "requestheader-allowed-names": readonly string[];
  readonly "requestheader-username-headers": readonly string[];
  readonly "requestheader-uid-headers": readonly string[];
  readonly "requestheader-group-headers": readonly string[];
  readonly "requestheader-extra-headers-prefix": readonly string[];
  readonly "authentication-kubeconfig": string;
  readonly "authentication-skip-lookup": boolean;
  readonly "authentication-tolerate-lookup-failure": boolean;
}

export interface Trust {
  /** PEM. */
  clientCa?: string;
  frontProxy?: Omit<RequestHeaderOptions, "verifier"> & { ca: string };
}

const place = { namespace: "kube-system", name: "extension-apiserver-authentication" };

/** What the API server publishes; empty for what is not there. Throws for lists that are no JSON. */
export function publishedTrust({ data = {} }: Pick<ConfigMap, "data">): Trust {
  const list = (key: string): string[] => (data[key] ? (JSON.parse(data[key]) as string[]) : []);
  const ca = data["requestheader-client-ca-file"];
  return {
    ...(data["client-ca-file"] ? { clientCa: data["client-ca-file"] } : {}),
    ...(ca
      ? {
          frontProxy: {
            ca,
            allowedNames: list("requestheader-allowed-names"),
            usernameHeaders: list("requestheader-username-headers"),
            uidHeaders: list("requestheader-uid-headers"),
            groupHeaders: list("requestheader-group-headers"),
            extraHeaderPrefixes: list("requestheader-extra-headers-prefix"),
          },
        }
      : {}),
  };
}

/** Throws FlagError for files that cannot be used, and for a look-up that fails and may not. */
export async function readTrust(flags: TrustFlags, client: Client, logger: Logger): Promise<Trust> {
  const clientCa = flags["client-ca-file"] && readCertificates(flags["client-ca-file"], "--client-ca-file");
  const proxyCa = flags["requestheader-client-ca-file"] && readCertificates(flags["requestheader-client-ca-file"], "--requestheader-client-ca-file");
  const given: Trust = {
    ...(clientCa ? { clientCa } : {}),
    ...(proxyCa
      ? {
          frontProxy: {
            ca: proxyCa,
            allowedNames: flags["requestheader-allowed-names"],
            usernameHeaders: flags["requestheader-username-headers"],
            uidHeaders: flags["requestheader-uid-headers"],
            groupHeaders: flags["requestheader-group-headers"],
            extraHeaderPrefixes: flags["requestheader-extra-headers-prefix"],
          },
        }
      : {}),
  };
  const complete = given.clientCa !== undefined && given.frontProxy !== undefined;
  if (complete || !flags["authentication-kubeconfig"] || flags["authentication-skip-lookup"]) return given;
  try {
    return { ...publishedTrust(await client.resource(configmaps).get(place.namespace, place.name)), ...given };
  } catch (error) {
    const why = `unable to load configmap ${place.namespace}/${place.name}: ${(error as Error).message}`;
    if (!flags["authentication-tolerate-lookup-failure"]) throw new FlagError([why]);
    logger.warn("client certificates and front proxies that the flags do not name are not believed", { why });
    return given;
  }
}

export class CallerIdentity {
  readonly #ways: ((request: ApiRequest, certificates: readonly Uint8Array[]) => UserInfo | undefined | null)[] = [];
  readonly #sent = new WeakMap<TLSSocket, readonly Uint8Array[]>();
  /** PEM of all authorities, for the handshake. */
  readonly authorities: string[];

  constructor({ clientCa, frontProxy }: Trust, clock: Clock) {
    this.authorities = [clientCa, frontProxy?.ca].filter((pem) => pem !== undefined);
    if (frontProxy) {
      const { ca, ...headers } = frontProxy;
      const authenticator = requestHeaderAuthenticator({ ...headers, verifier: new CertificateVerifier({ ca, clock }) });
      this.#ways.push((request) => authenticator.authenticate(request) as UserInfo | undefined);
    }
    if (clientCa) {
      const verifier = new CertificateVerifier({ ca: clientCa, clock });
      this.#ways.push((_, certificates) => verifier.verify(certificates).user);
    }
  }

  #sentOver(socket: TLSSocket): readonly Uint8Array[] {
    const known = this.#sent.get(socket) ?? sentCertificates(socket);
    this.#sent.set(socket, known);
    return known;
  }
  /** Undefined for nobody who is known. */
  identify(request: IncomingMessage): UserInfo | undefined {
    const clientCertificates = this.#sentOver(request.socket as TLSSocket);
    if (!clientCertificates.length) return undefined;
    const headers = Object.fromEntries(Object.entries(request.headersDistinct).map(([name, values]) => [name, values?.[0]]));
    const asked: ApiRequest = {
      method: request.method ?? "GET",
      path: "/",
      query: new URLSearchParams(),
      headers,
      repeatedHeaders: { ...request.headersDistinct },
      clientCertificates,
      remoteAddress: request.socket.remoteAddress ?? "",
      signal: new AbortController().signal,
    };
    for (const way of this.#ways) {
      try {
        const user = way(asked, clientCertificates);
        if (user) return { ...user, groups: [...new Set([...(user.groups ?? []), "system:authenticated"])] };
      } catch (error) {
        // Another authority's certificate: the next way may know it.
        if (!(error instanceof StatusError)) throw error;
      }
    }
    return undefined;
  }
}
