/**
 * Service account tokens (pkg/serviceaccount/{jwt,claims,legacy}.go): JSON Web Tokens that hold as long as what they are
 * bound to exists with the same uid.
 */
import { goQuote } from "../../api/go-quote.ts";
import { timingSafeEqual } from "node:crypto";
import type { UserInfo } from "../../api/exchange.ts";
import type { KubeObject } from "../../api/object.ts";
import type { Secret, ServiceAccount } from "../../api/types/core-v1.gen.ts";
import type { Clock } from "../../base/clock.ts";
import type { Reader } from "../../cache/cache.ts";
import { type TokenAuthenticator, TokenError, type TokenUser } from "./authenticator.ts";
import { type KeySource, type VerificationKey, verifySignature } from "./service-account-keys.ts";
import { type BoundRef, checkClaims, type LegacyClaims, type ServiceAccountClaims } from "./token-claims.ts";

export const legacyIssuer = "kubernetes/serviceaccount";
const credentialId = "authentication.kubernetes.io/credential-id";

/** How a token was used: bound and in time, bound and past the time at which it should have been renewed, or out of a secret. */
export type TokenUse = "valid" | "stale" | "legacy" | "legacy-auto" | "legacy-manual" | "legacy-invalid";

export interface ServiceAccountTokenOptions {
  reader: Reader;
  clock: Clock;
  /** The first one issues; all are accepted. */
  issuers: readonly string[];
  /** The API server's own audiences; tokens that name none are good for these. */
  audiences: readonly string[];
  keys: KeySource;
  /** Whether tokens of Secrets need their Secret and their service account. @default true */
  lookup?: boolean;
  /** Called when a secret-based token is used and its secret does not carry today's date yet (label kubernetes.io/legacy-token-last-used). */
  onLegacyUse?(secret: Secret, today: string): void;
  onUse?(use: TokenUse): void;
}

/** Clocks may differ by so much, milliseconds. */
const leeway = 60_000;

/** `system:serviceaccount:NAMESPACE:NAME` and its groups. */
export function serviceAccountUser(namespace: string, name: string, uid: string, extra?: Record<string, string[]>): UserInfo {
  return {
    name: `system:serviceaccount:${namespace}:${name}`,
    uid,
    groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`],
    ...(extra && Object.keys(extra).length ? { extra } : {}),
  };
}

function decode(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

const quoteList = (list: readonly string[]): string => `[${list.map((item) => JSON.stringify(item)).join(" ")}]`;

function verify(keys: readonly VerificationKey[], header: Record<string, unknown>, parts: string[]): void {
  if (!keys.length) throw new TokenError("invalid signature, no keys found");
  const signature = Buffer.from(parts[2] as string, "base64url");
  const head = `${parts[0]}.${parts[1]}`;
  if (!keys.some((key) => key.algorithm === header.alg && verifySignature(head, signature, key)))
    throw new TokenError("go-jose/go-jose: error in cryptographic primitive");
}

export class ServiceAccountTokenAuthenticator implements TokenAuthenticator {
  readonly #options: ServiceAccountTokenOptions;

  constructor(options: ServiceAccountTokenOptions) {
    this.#options = options;
  }
  authenticateToken(token: string, requested: readonly string[]): ReturnType<TokenAuthenticator["authenticateToken"]> {
    const parts = token.split(".");
    if (parts.length !== 3) return undefined;
    const header = decode(parts[0] as string);
    const said = decode(parts[1] as string);
    const issuer = said?.iss;
    if (!header || !said || typeof issuer !== "string") return undefined;
    const legacy = issuer === legacyIssuer;
    if (!legacy && !this.#options.issuers.includes(issuer)) return undefined;
    const keys = this.#options.keys.keysOf(typeof header.kid === "string" ? header.kid : undefined);
    const judge = (known: readonly VerificationKey[]): TokenUser => {
      verify(known, header, parts);
      return this.#judge(said, token, requested, legacy);
    };
    return keys instanceof Promise ? keys.then(judge) : judge(keys);
  }
  #judge(said: Record<string, unknown>, token: string, requested: readonly string[], legacy: boolean): TokenUser {
    const claims = checkClaims(said);
    const named = typeof claims.aud === "string" ? [claims.aud] : (claims.aud ?? []);
    const own = named.length ? named : this.#options.audiences;
    const audiences = own.filter((audience) => requested.includes(audience));
    if (!audiences.length) throw new TokenError(`token audiences ${quoteList(own)} is invalid for the target audiences ${quoteList(requested)}`);
    return { user: legacy ? this.#legacy(claims, token) : this.#bound(claims), audiences };
  }
  #bound(claims: ServiceAccountClaims): UserInfo {
    const now = this.#options.clock.now();
    if (claims.nbf !== undefined && now + leeway < claims.nbf * 1000) throw new TokenError("service account token is not valid yet");
    if (claims.exp !== undefined && now - leeway > claims.exp * 1000) throw new TokenError("service account token has expired");
    if (claims.iat !== undefined && now + leeway < claims.iat * 1000) throw new TokenError("service account token is issued in the future");
    const { namespace = "", serviceaccount = {}, pod, node, secret, warnafter } = claims["kubernetes.io"] ?? {};
    const name = serviceaccount.name ?? "";
    const account = this.#options.reader.get<ServiceAccount>("serviceaccounts", namespace, name);
    if (!account) throw new TokenError(`serviceaccounts ${goQuote(name)} not found`);
    if (account.metadata.uid !== (serviceaccount.uid ?? ""))
      throw new TokenError(`service account UID (${account.metadata.uid}) does not match claim (${serviceaccount.uid ?? ""})`);
    if (this.#gone(account, now)) throw new TokenError(`service account ${namespace}/${name} has been deleted`);
    if (secret) this.#stillThere("secrets", namespace, secret, "secret", now);
    if (pod) this.#stillThere("pods", namespace, pod, "pod", now);
    else if (node) this.#stillThere("nodes", "", node, "node", now);
    const extra: Record<string, string[]> = {};
    if (pod?.name && pod.uid) {
      extra["authentication.kubernetes.io/pod-name"] = [pod.name];
      extra["authentication.kubernetes.io/pod-uid"] = [pod.uid];
    }
    if (claims.jti) extra[credentialId] = [`JTI=${claims.jti}`];
    if (node?.name) {
      extra["authentication.kubernetes.io/node-name"] = [node.name];
      if (node.uid) extra["authentication.kubernetes.io/node-uid"] = [node.uid];
    }
    if (warnafter) this.#options.onUse?.(now > warnafter * 1000 ? "stale" : "valid");
    return serviceAccountUser(namespace, name, account.metadata.uid, extra);
  }
  #gone(object: KubeObject, now: number): boolean {
    const at = object.metadata.deletionTimestamp;
    return at !== undefined && Date.parse(at) < now - leeway;
  }
  #stillThere(resource: string, namespace: string, ref: BoundRef, what: string, now: number): void {
    const object = this.#options.reader.get(resource, namespace, ref.name ?? "");
    if (!object) throw new TokenError("service account token has been invalidated");
    if (object.metadata.uid !== (ref.uid ?? ""))
      throw new TokenError(`${what} UID (${object.metadata.uid}) does not match service account ${what} ref claim (${ref.uid ?? ""})`);
    if (this.#gone(object, now)) throw new TokenError("service account token has been invalidated");
  }
  #legacy(claims: LegacyClaims, token: string): UserInfo {
    const claim = (name: string): string => claims[`kubernetes.io/serviceaccount/${name}`] ?? "";
    const [namespace, secretName, name, uid] = [claim("namespace"), claim("secret.name"), claim("service-account.name"), claim("service-account.uid")];
    if (!claims.sub) throw new TokenError("sub claim is missing");
    if (!namespace) throw new TokenError("namespace claim is missing");
    if (!secretName) throw new TokenError("secretName claim is missing");
    if (!name) throw new TokenError("serviceAccountName claim is missing");
    if (!uid) throw new TokenError("serviceAccountUID claim is missing");
    if (claims.sub !== `system:serviceaccount:${namespace}:${name}`) throw new TokenError("sub claim is invalid");
    if (this.#options.lookup === false) return serviceAccountUser(namespace, name, uid);
    const secret = this.#options.reader.get<Secret>("secrets", namespace, secretName);
    if (!secret || secret.metadata.deletionTimestamp !== undefined) throw new TokenError("Token has been invalidated");
    const stored = Buffer.from(secret.data?.token ?? "", "base64");
    const given = Buffer.from(token);
    if (stored.length !== given.length || !timingSafeEqual(stored, given)) throw new TokenError("Token does not match server's copy");
    const account = this.#options.reader.get<ServiceAccount>("serviceaccounts", namespace, name);
    if (!account) throw new TokenError(`serviceaccounts ${goQuote(name)} not found`);
    if (account.metadata.deletionTimestamp !== undefined) throw new TokenError(`ServiceAccount ${namespace}/${name} has been deleted`);
    if (account.metadata.uid !== uid) throw new TokenError(`ServiceAccount UID (${account.metadata.uid}) does not match claim (${uid})`);
    this.#noteUse(secret);
    if (secret.metadata.labels?.["kubernetes.io/legacy-token-invalid-since"]) {
      this.#options.onUse?.("legacy-invalid");
      throw new TokenError(
        `the token in secret ${namespace}/${secretName} for service account ${namespace}/${name} has been marked invalid. Use tokens from the TokenRequest API or manually created secret-based tokens, or remove the 'kubernetes.io/legacy-token-invalid-since' label from the secret to temporarily allow use of this token`,
      );
    }
    this.#options.onUse?.(account.secrets?.some((ref) => ref.name === secretName) ? "legacy-auto" : "legacy-manual");
    this.#options.onUse?.("legacy");
    return serviceAccountUser(namespace, name, uid);
  }
  #noteUse(secret: Secret): void {
    const now = this.#options.clock.now();
    const day = (at: number): string => new Date(at).toISOString().slice(0, 10);
    const last = secret.metadata.labels?.["kubernetes.io/legacy-token-last-used"];
    if (last !== day(now) && last !== day(now + 86_400_000)) this.#options.onLegacyUse?.(secret, day(now));
  }
}
