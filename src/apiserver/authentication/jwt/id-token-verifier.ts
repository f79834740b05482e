/** Whether a token is an issuer's and is good now (go-oidc's discovery and verifier, with several audiences). Errors are its. */
import { goQuote } from "../../../api/go-quote.ts";
import type { Clock } from "../../../base/clock.ts";
import { ClaimError, fieldsOf, idTokenOf, parseJson, stringOf, stringsOf, type Claims, claimsOf } from "./claims.ts";
import { type IssuerClient, notJson } from "./issuer-client.ts";
import { parseJws } from "./jws.ts";
import { RemoteKeySet } from "./remote-key-set.ts";

export interface VerifierOptions {
  issuer: string;
  audiences: readonly string[];
  /** Signatures of these are looked at. */
  algorithms: readonly string[];
  client: IssuerClient;
  clock: Clock;
  signal: AbortSignal;
  /** Told of each key set that was fetched; undefined: that failed. */
  fetched?(text: string | undefined): void;
}

/** Milliseconds by which clocks may differ. */
const leeway = 60_000;

const goList = (texts: readonly string[]): string => `[${texts.map(goQuote).join(" ")}]`;

/** As Go prints a time in UTC. */
function goTime(ms: number): string {
  const [day, time] = new Date(ms).toISOString().split("T") as [string, string];
  return `${day} ${time.slice(0, 8)} +0000 UTC`;
}
/** Go's year has wrapped around where the time is the least that there is. */
const leastTime = "292277026596-12-04 15:30:08 +0000 UTC";
const shownTime = (seconds: number): string => (Math.abs(seconds) < 8.64e12 ? goTime(seconds * 1000) : leastTime);

/** Where the keys of an issuer are. Rejects with ClaimError. */
async function discover({ issuer, client, signal }: VerifierOptions): Promise<string> {
  const answer = await client.get(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`, { signal });
  const text = answer.body.toString("utf8");
  if (answer.status !== 200) throw new ClaimError(`${answer.statusLine}: ${text}`);
  const texts = new Map<string, string>();
  try {
    const node = parseJson(answer.body);
    if (node.kind !== "object" && node.kind !== "null") throw new ClaimError(`json: cannot unmarshal ${node.kind} into Go value of type oidc.providerJSON`);
    if (node.kind === "object") {
      const names = ["issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint", "id_token_signing_alg_values_supported"];
      for (const [name, value] of fieldsOf(node, names)) {
        const where = `Go struct field providerJSON.${name}`;
        if (name === "id_token_signing_alg_values_supported") stringsOf(value, where);
        else if (value.kind !== "null") texts.set(name, stringOf(value, where));
      }
    }
  } catch (error) {
    if (!(error instanceof ClaimError)) throw error;
    throw new ClaimError(`oidc: failed to decode provider discovery object: ${notJson(answer, error.message)}`);
  }
  const told = texts.get("issuer") ?? "";
  if (told !== issuer) throw new ClaimError(`oidc: issuer did not match the issuer returned by provider, expected ${goQuote(issuer)} got ${goQuote(told)}`);
  const keys = texts.get("jwks_uri");
  if (!keys) throw new ClaimError("provider did not return JWKS URL");
  return keys;
}

export class IdTokenVerifier {
  readonly #options: VerifierOptions;
  readonly #keys: RemoteKeySet;

  private constructor(options: VerifierOptions, url: string) {
    const { client, clock, signal, fetched } = options;
    this.#options = options;
    this.#keys = new RemoteKeySet({ url, client, clock, signal, ...(fetched ? { fetched } : {}) });
  }
  /** Asks the issuer where its keys are. Rejects with ClaimError. */
  static async discover(options: VerifierOptions): Promise<IdTokenVerifier> {
    return new IdTokenVerifier(options, await discover(options));
  }
  /** The claims of a token that is good. Rejects with ClaimError. */
  async verify(token: string): Promise<Claims> {
    const { issuer, audiences, algorithms, clock } = this.#options;
    if (token.split(".", 4).length > 3) throw new ClaimError("oidc: malformed jwt");
    let jws: ReturnType<typeof parseJws>;
    try {
      jws = parseJws(token);
    } catch (error) {
      throw error instanceof ClaimError ? new ClaimError(`oidc: malformed jwt: ${error.message}`) : error;
    }
    if (!algorithms.includes(jws.algorithm))
      throw new ClaimError(`oidc: id token signed with unsupported algorithm, expected ${goList(algorithms)} got ${goQuote(jws.algorithm)}`);
    try {
      await this.#keys.verify(jws);
    } catch (error) {
      throw error instanceof ClaimError ? new ClaimError(`failed to verify signature: ${error.message}`) : error;
    }
    let payload: ReturnType<typeof parseJson>;
    let said: ReturnType<typeof idTokenOf>;
    try {
      payload = parseJson(jws.payload);
      said = idTokenOf(payload);
    } catch (error) {
      throw error instanceof ClaimError ? new ClaimError(`oidc: failed to unmarshal claims: ${error.message}`) : error;
    }
    for (const source of said.claimNames.values()) {
      if (source === "") throw new ClaimError("oidc: failed to obtain source from claim name");
      if (!said.claimSources.has(source)) throw new ClaimError("oidc: source does not exist");
    }
    if (said.issuer !== issuer && !(issuer === "https://accounts.google.com" && said.issuer === "accounts.google.com"))
      throw new ClaimError(`oidc: id token issued by a different provider, expected ${goQuote(issuer)} got ${goQuote(said.issuer)}`);
    const wanted = audiences.some((audience) => said.audiences.includes(audience));
    if (!wanted && audiences.length === 1) throw new ClaimError(`oidc: expected audience ${goQuote(audiences[0] as string)} got ${goList(said.audiences)}`);
    const now = clock.now();
    if (said.expiry === undefined) throw new ClaimError("oidc: token is expired (Token Expiry: 0001-01-01 00:00:00 +0000 UTC)");
    if (said.expiry * 1000 < now) throw new ClaimError(`oidc: token is expired (Token Expiry: ${shownTime(said.expiry)})`);
    if (said.notBefore !== undefined && now + leeway < said.notBefore * 1000)
      throw new ClaimError(`oidc: current time ${goTime(now)} before the nbf (not before) time: ${shownTime(said.notBefore)}`);
    if (!wanted) throw new ClaimError(`oidc: expected audience in ${goList([...audiences].sort())} got ${goList(said.audiences)}`);
    return claimsOf(payload);
  }
}

/** Milliseconds between attempts. */
const retry = 10_000;

/** A verifier that is there as soon as its issuer has answered: it is asked again and again until then. */
export class PendingVerifier {
  #verifier: IdTokenVerifier | undefined;
  /** Why it is not there yet; undefined: it is, or nothing was heard. */
  failure: Error | undefined;
  /** Settles when the issuer was asked for the first time, whatever it said. */
  readonly asked: Promise<void>;

  constructor(options: VerifierOptions, failed: (error: Error) => void) {
    this.asked = this.#attempt(options, failed);
  }
  get verifier(): IdTokenVerifier | undefined {
    return this.#verifier;
  }
  async #attempt(options: VerifierOptions, failed: (error: Error) => void): Promise<void> {
    const { clock, signal } = options;
    if (signal.aborted) return;
    try {
      this.#verifier = await IdTokenVerifier.discover(options);
      this.failure = undefined;
    } catch (error) {
      if (!(error instanceof ClaimError)) throw error;
      if (signal.aborted) return;
      this.failure = error;
      failed(error);
      const timer = clock.after(retry, () => void this.#attempt(options, failed));
      signal.addEventListener("abort", () => timer.cancel(), { once: true });
    }
  }
}
