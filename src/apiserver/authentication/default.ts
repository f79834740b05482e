/** Every way to say who one is, in upstream's order (pkg/kubeapiserver/authenticator/config.go). */
import type { UserInfo } from "../../api/exchange.ts";
import type { Secret } from "../../api/types/core-v1.gen.ts";
import type { Clock } from "../../base/clock.ts";
import type { Reader } from "../../cache/cache.ts";
import { anonymousAuthenticator, nobody } from "./anonymous.ts";
import type { Authenticator, TokenAuthenticator } from "./authenticator.ts";
import { bearerAuthenticator } from "./bearer.ts";
import { bootstrapTokenAuthenticator } from "./bootstrap-token.ts";
import { type RequestHeaderOptions, requestHeaderAuthenticator } from "./request-header.ts";
import type { KeySource } from "./service-account-keys.ts";
import { ServiceAccountTokenAuthenticator, type TokenUse } from "./service-account-token.ts";
import { cachedTokenAuthenticator, type TokenCacheOptions } from "./token-cache.ts";
import { tokenFileAuthenticator } from "./token-file.ts";
import { unionAuthenticator, unionTokenAuthenticator } from "./union.ts";
import { CertificateVerifier } from "../../api/x509/verifier.ts";
import { certificateAuthenticator } from "./x509.ts";

export interface DefaultAuthenticationOptions {
  reader: Reader;
  clock: Clock;
  /** What tokens must be for. */
  audiences: readonly string[];
  serviceAccountIssuers: readonly string[];
  serviceAccountKeys: KeySource;
  /** Whether tokens of Secrets need their Secret. @default true */
  serviceAccountLookup?: boolean;
  /** JSON Web Tokens of other issuers. */
  jwt?: TokenAuthenticator;
  /** Who is asked about tokens that nobody here knows; `cacheTtlMs`: how long the answers are remembered, good or bad. */
  webhook?: { authenticator: TokenAuthenticator; cacheTtlMs: number };
  /** PEM bundle of `--client-ca-file`. */
  clientCa?: string;
  /** `ca` is the PEM bundle of `--requestheader-client-ca-file`. */
  frontProxy?: Omit<RequestHeaderOptions, "verifier"> & { ca: string };
  tokenFile?: { path: string; text: string };
  /** @default true */
  bootstrapTokens?: boolean;
  /** `paths`: only these are open. @default { enabled: true } */
  anonymous?: { enabled: boolean; paths?: readonly string[] };
  onLegacyUse?(secret: Secret, today: string): void;
  /** Told how many more milliseconds a client certificate lasts that was used. */
  certificateLasts?(ms: number): void;
  tokenCache?: TokenCacheOptions["observer"];
  onTokenUse?(use: TokenUse): void;
}

export interface DefaultAuthentication {
  /** Gives a user or rejects with 401. */
  authenticator: Authenticator;
  /** For token reviews. */
  tokens: TokenAuthenticator;
  /** Who has no credential, where they may ask for every path. */
  anonymous: UserInfo | undefined;
  /** Other authorities from now on, PEM bundles. Throws, and keeps the former ones, when one cannot be read. */
  trust(authorities: Authorities): void;
}

export interface Authorities {
  clientCa?: string;
  frontProxyCa?: string;
}

export function defaultAuthentication(options: DefaultAuthenticationOptions): DefaultAuthentication {
  const { clock, audiences } = options;
  const kinds: TokenAuthenticator[] = [];
  if (options.tokenFile) kinds.push(tokenFileAuthenticator(options.tokenFile.text, options.tokenFile.path, audiences));
  kinds.push(
    new ServiceAccountTokenAuthenticator({
      reader: options.reader,
      clock,
      audiences,
      issuers: options.serviceAccountIssuers,
      keys: options.serviceAccountKeys,
      lookup: options.serviceAccountLookup ?? true,
      onLegacyUse: options.onLegacyUse,
      onUse: options.onTokenUse,
    }),
  );
  if (options.bootstrapTokens ?? true) kinds.push(bootstrapTokenAuthenticator(options));
  // After service accounts' tokens: who knows their issuer does not ask about them.
  if (options.jwt) kinds.push(options.jwt);
  const observed = { clock, ...(options.tokenCache ? { observer: options.tokenCache } : {}) };
  if (options.webhook) {
    const { authenticator, cacheTtlMs } = options.webhook;
    kinds.push(cachedTokenAuthenticator(authenticator, { ...observed, ttlMs: cacheTtlMs, failureTtlMs: cacheTtlMs }));
  }
  const tokens = cachedTokenAuthenticator(unionTokenAuthenticator(kinds), observed);
  const authenticators: Authenticator[] = [];
  let proxies: CertificateVerifier | undefined;
  let clients: CertificateVerifier | undefined;
  if (options.frontProxy) {
    const { ca, ...headers } = options.frontProxy;
    proxies = new CertificateVerifier({ ca, clock });
    authenticators.push(requestHeaderAuthenticator({ ...headers, verifier: proxies }));
  }
  if (options.clientCa) {
    clients = new CertificateVerifier({ ca: options.clientCa, clock });
    authenticators.push(certificateAuthenticator(clients, clock, options.certificateLasts));
  }
  authenticators.push(bearerAuthenticator(tokens, audiences));
  const { enabled, paths } = options.anonymous ?? { enabled: true };
  return {
    authenticator: unionAuthenticator(authenticators, enabled ? anonymousAuthenticator(paths) : undefined),
    tokens,
    anonymous: enabled && !paths?.length ? nobody : undefined,
    trust({ clientCa, frontProxyCa }) {
      if (clientCa) clients?.setAuthorities(clientCa);
      if (frontProxyCa) proxies?.setAuthorities(frontProxyCa);
    },
  };
}
