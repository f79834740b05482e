/**
 * Who a JSON Web Token of one issuer names, by its claims (k8s.io/apiserver/plugin/pkg/authenticator/token/oidc). The issuer is
 * asked where its keys are in the background; until it has answered its tokens are refused. Errors are upstream's.
 */
import type { UserInfo } from "../../../api/exchange.ts";
import type { Clock } from "../../../base/clock.ts";
import type { Logger } from "../../../base/logger.ts";
import { TokenError } from "../authenticator.ts";
import { boolOf, ClaimError, type Claims, stringOf, stringOrStrings, untrustedIssuer } from "./claims.ts";
import { ClaimsValue, userValue } from "./claim-values.ts";
import type { JwtConfiguration } from "./configuration.ts";
import { ClaimResolver } from "./distributed-claims.ts";
import { evaluate, type Expression, stringsOfValue } from "./expressions.ts";
import { PendingVerifier } from "./id-token-verifier.ts";
import { IssuerClient } from "./issuer-client.ts";
import type { JwtRules } from "./validation.ts";

export interface JwtSeries {
  /** A token of the issuer was judged. */
  judged(issuer: string, ok: boolean, seconds: number): void;
  /** Its keys were fetched; undefined: that failed. */
  keysFetched(issuer: string, text: string | undefined): void;
}

export interface JwtAuthenticatorOptions {
  configuration: JwtConfiguration;
  rules: JwtRules;
  /** Signatures of these are looked at. */
  algorithms: readonly string[];
  clock: Clock;
  logger: Logger;
  series: JwtSeries;
}

const credentialId = "authentication.kubernetes.io/credential-id";

/** The same with what was being done in front. */
function during<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof ClaimError ? new ClaimError(`${what}: ${error.message}`) : error;
  }
}

export class JwtAuthenticator implements Disposable {
  readonly #options: JwtAuthenticatorOptions;
  readonly #issuer: string;
  readonly #stop = new AbortController();
  readonly #client: IssuerClient;
  readonly #verifier: PendingVerifier;
  readonly #resolver: ClaimResolver | undefined;
  readonly #required: [claim: string, value: string][];

  constructor(options: JwtAuthenticatorOptions) {
    this.#options = options;
    const { configuration, algorithms, clock, logger, series } = options;
    const { url = "", discoveryURL, certificateAuthority: ca, audiences = [] } = configuration.issuer ?? {};
    this.#issuer = url;
    this.#client = new IssuerClient({
      clock,
      ...(ca ? { ca } : {}),
      ...(discoveryURL ? { rewrite: { from: `${url.replace(/\/$/, "")}/.well-known/openid-configuration`, to: discoveryURL } } : {}),
    });
    const { signal } = this.#stop;
    const shared = { audiences, algorithms, client: this.#client, clock, signal };
    this.#verifier = new PendingVerifier({ ...shared, issuer: url, fetched: (text) => series.keysFetched(url, text) }, (error) =>
      logger.error("oidc authenticator: initializing plugin", { issuer: url, error }),
    );
    const claim = configuration.claimMappings?.groups?.claim;
    this.#resolver = claim
      ? new ClaimResolver({ ...shared, claim, failed: (iss, error) => logger.error("oidc authenticator: async token verifier", { issuer: iss, error }) })
      : undefined;
    this.#required = (configuration.claimValidationRules ?? []).flatMap(({ claim: name, requiredValue = "" }) => (name ? [[name, requiredValue]] : []));
  }

  /** Why its tokens cannot be judged yet; undefined: they can. */
  get unhealthy(): string | undefined {
    if (this.#verifier.verifier) return undefined;
    const why = this.#verifier.failure?.message ?? `oidc: authenticator for issuer "${this.#issuer}" is not initialized`;
    return `oidc: authenticator for issuer "${this.#issuer}" is not healthy: ${why}`;
  }
  /** Settles when the issuer was asked for the first time. */
  get asked(): Promise<void> {
    return this.#verifier.asked;
  }

  /** Undefined, at once, for tokens of others; rejects with TokenError for one of the issuer that is not good. */
  authenticate(token: string): undefined | Promise<UserInfo> {
    return untrustedIssuer(token) === this.#issuer ? this.#timed(token) : undefined;
  }
  async #timed(token: string): Promise<UserInfo> {
    const { clock, series } = this.#options;
    const began = clock.monotonic();
    const judged = (ok: boolean): void => series.judged(this.#issuer, ok, (clock.monotonic() - began) / 1000);
    try {
      const user = await this.#judge(token);
      judged(true);
      return user;
    } catch (error) {
      judged(false);
      throw error instanceof ClaimError ? new TokenError(error.message) : error;
    }
  }

  async #judge(token: string): Promise<UserInfo> {
    const { verifier } = this.#verifier;
    if (!verifier) throw new ClaimError("oidc: authenticator not initialized");
    const claims = await verifier.verify(token).catch((error: unknown) => {
      throw error instanceof ClaimError ? new ClaimError(`oidc: verify token: ${error.message}`) : error;
    });
    await this.#resolver?.expand(claims).catch((error: unknown) => {
      throw error instanceof ClaimError ? new ClaimError(`oidc: could not expand distributed claims: ${error.message}`) : error;
    });
    const value = new ClaimsValue(claims);
    const name = this.#username(claims, value);
    const groups = this.#groups(claims, value);
    const uid = this.#uid(claims, value);
    const extra = this.#extra(claims, value);
    const user: UserInfo = { name, groups, ...(uid ? { uid } : {}), ...(Object.keys(extra).length ? { extra } : {}) };
    this.#check(claims, value, user);
    return user;
  }

  #text(expression: Expression, value: ClaimsValue, what: string): string {
    return during(`oidc: error evaluating ${what} claim expression`, () => {
      const found = evaluate(expression, value);
      if (typeof found !== "string") throw new ClaimError(`${what} claim expression must return a string`);
      return found;
    });
  }
  #username(claims: Claims, value: ClaimsValue): string {
    const { username: expression } = this.#options.rules;
    if (expression) {
      const found = this.#text(expression, value, "username");
      if (!found) throw new ClaimError("oidc: empty username via CEL expression is not allowed");
      return found;
    }
    const { claim = "", prefix = "" } = this.#options.configuration.claimMappings?.username ?? {};
    const name = during(`oidc: parse username claims "${claim}"`, () => present(claims, claim));
    const verified = claim === "email" ? claims.get("email_verified") : undefined;
    if (verified && !during("oidc: parse 'email_verified' claim", () => boolOf(verified))) throw new ClaimError("oidc: email not verified");
    return prefix + name;
  }
  #groups(claims: Claims, value: ClaimsValue): string[] {
    const { claim = "", prefix = "" } = this.#options.configuration.claimMappings?.groups ?? {};
    const held = claim ? claims.get(claim) : undefined;
    if (held) return during(`oidc: parse groups claim "${claim}"`, () => stringOrStrings(held)).map((group) => prefix + group);
    const { groups: expression } = this.#options.rules;
    return expression ? during("oidc: error evaluating group claim expression", () => stringsOfValue(evaluate(expression, value))) : [];
  }
  #uid(claims: Claims, value: ClaimsValue): string {
    const { claim } = this.#options.configuration.claimMappings?.uid ?? {};
    if (claim) return during(`oidc: parse uid claim "${claim}"`, () => present(claims, claim));
    const { uid: expression } = this.#options.rules;
    return expression ? this.#text(expression, value, "uid") : "";
  }
  #extra(claims: Claims, value: ClaimsValue): Record<string, string[]> {
    const extra: Record<string, string[]> = {};
    const id = claims.get("jti");
    if (id?.kind === "string" && id.value) extra[credentialId] = [`JTI=${id.value}`];
    const results = this.#options.rules.extra.map(({ key, expression }) => ({ key, expression, result: evaluate(expression, value) }));
    for (const { key, expression, result } of results) {
      const texts = during(`oidc: error evaluating extra claim expression: ${expression.text}`, () => stringsOfValue(result));
      if (texts.length) extra[key] = texts;
    }
    return extra;
  }

  /** Throws ClaimError where the token, or the user that was made of it, breaks a rule. */
  #check(claims: Claims, value: ClaimsValue, user: UserInfo): void {
    for (const [claim, wanted] of this.#required) {
      const held = claims.get(claim);
      if (!held) throw new ClaimError(`oidc: required claim ${claim} not present in ID token`);
      const got = during(`oidc: parse claim ${claim}`, () => stringOf(held));
      if (got !== wanted) throw new ClaimError(`oidc: required claim ${claim} value does not match. Got = ${got}, want = ${wanted}`);
    }
    const { claims: rules, users } = this.#options.rules;
    const hold = (conditions: typeof rules, of: ClaimsValue | ReturnType<typeof userValue>): void => {
      const results = conditions.map(({ expression }) => evaluate(expression, of));
      for (const [i, result] of results.entries()) {
        const { expression, message } = conditions[i] as (typeof rules)[number];
        if (typeof result !== "boolean") throw new ClaimError("validation expression must return a boolean");
        if (!result) throw new ClaimError(`validation expression '${expression.text}' failed: ${message}`);
      }
    };
    if (rules.length) during("oidc: error evaluating claim validation expression", () => hold(rules, value));
    if (users.length) during("oidc: error evaluating user info validation rule", () => hold(users, userValue(user)));
  }

  /** Requests to the issuer end. */
  [Symbol.dispose](): void {
    this.#stop.abort();
    this.#client.close();
  }
}

function present(claims: Claims, name: string): string {
  const held = claims.get(name);
  if (!held) throw new ClaimError("claim not present");
  return stringOf(held);
}
