/** Claims that are held elsewhere: `_claim_names` and `_claim_sources` (OpenID Connect Core 1.0, 5.6.2), for one claim. */
import { parseURL, URLError } from "../../../api/cel/library/go-url.ts";
import { goQuote } from "../../../api/go-quote.ts";
import { ClaimError, type Claims, type ClaimSource, claimSourcesOf, issuerOf, stringMapOf } from "./claims.ts";
import type { IdTokenVerifier, VerifierOptions } from "./id-token-verifier.ts";
import { PendingVerifier } from "./id-token-verifier.ts";

export interface ClaimResolverOptions extends Omit<VerifierOptions, "issuer" | "fetched"> {
  claim: string;
  /** An issuer of such claims does not answer as it should. */
  failed(issuer: string, error: Error): void;
}

/** Issuers that are remembered; beyond them none is looked for. */
const maxIssuers = 256;

const restated = async <T>(work: () => T | Promise<T>, say: (why: string) => string): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    throw error instanceof ClaimError ? new ClaimError(say(error.message)) : error;
  }
};

export class ClaimResolver {
  readonly #options: ClaimResolverOptions;
  readonly #verifiers = new Map<string, PendingVerifier>();

  constructor(options: ClaimResolverOptions) {
    this.#options = options;
  }
  /** Adds the claim where it is named and missing. Rejects with ClaimError. */
  async expand(claims: Claims): Promise<void> {
    const { claim } = this.#options;
    if (claims.has(claim)) return;
    const rawNames = claims.get("_claim_names");
    if (!rawNames) return;
    const names = await restated(
      () => stringMapOf(rawNames),
      (why) => `oidc: error parsing distributed claim names: ${why}`,
    );
    const rawSources = claims.get("_claim_sources");
    if (!rawSources) throw new ClaimError("oidc: no claim sources");
    const sources = await restated(
      () => claimSourcesOf(rawSources, false),
      (why) => `oidc: could not parse claim sources: ${why}`,
    );
    const name = names.get(claim);
    if (name === undefined) return;
    const source = sources.get(name);
    if (!source) throw new ClaimError(`id token _claim_names contained a source ${name} missing in _claims_sources`);
    if (source.endpoint) await this.#resolve(source, claims);
  }
  async #resolve({ endpoint, accessToken }: ClaimSource, claims: Claims): Promise<void> {
    const { claim, client, signal } = this.#options;
    const token = await restated(
      async () => {
        try {
          parseURL(endpoint);
        } catch (error) {
          throw error instanceof URLError ? new ClaimError(`while calling ${endpoint}: ${error.message}`) : error;
        }
        const answer = await client.get(endpoint, { ...(accessToken ? { token: accessToken } : {}), signal });
        if (answer.status < 200 || answer.status > 226) throw new ClaimError(`error while getting distributed claim JWT: ${answer.statusLine}`);
        return answer.body.toString("utf8");
      },
      (why) => `while getting distributed claim ${goQuote(claim)}: ${why}`,
    );
    const issuer = await restated(
      () => issuerOf(token),
      (why) => `getting untrusted issuer from endpoint ${endpoint} failed for claim ${goQuote(claim)}: ${why}`,
    );
    const verifier = this.#verifierOf(issuer);
    if (!verifier) throw new ClaimError(`verifying untrusted issuer ${issuer} failed: verifier not initialized for issuer: ${goQuote(issuer)}`);
    const distributed = await restated(
      () => verifier.verify(token),
      (why) => `verify distributed claim token: ${why}`,
    );
    const value = distributed.get(claim);
    if (!value) throw new ClaimError(`jwt returned by distributed claim endpoint ${goQuote(endpoint)} did not contain claim: ${claim}`);
    claims.set(claim, value);
  }
  /** Undefined while the issuer has not answered. */
  #verifierOf(issuer: string): IdTokenVerifier | undefined {
    let pending = this.#verifiers.get(issuer);
    if (!pending && this.#verifiers.size < maxIssuers) {
      pending = new PendingVerifier({ ...this.#options, issuer }, (error) => this.#options.failed(issuer, error));
      this.#verifiers.set(issuer, pending);
    }
    return pending?.verifier;
  }
}
