/**
 * The keys of an issuer, fetched when a token needs them: once for all that ask at the same time, and again when a token is
 * signed by none that is known, unless the answer's cache headers say that they stay (go-oidc's remote key set).
 */
import type { Clock } from "../../../base/clock.ts";
import { ClaimError, parseJson } from "./claims.ts";
import { type Fetched, type IssuerClient, notJson } from "./issuer-client.ts";
import { isSignedBy, type Jws } from "./jws.ts";
import { type Jwk, keySetOf } from "./jwk.ts";

export interface RemoteKeySetOptions {
  url: string;
  client: IssuerClient;
  clock: Clock;
  /** Ends what is under way. */
  signal: AbortSignal;
  /** Told of the text of each key set that was fetched; undefined: that failed. */
  fetched?(text: string | undefined): void;
}

/** Milliseconds before keys expire in which they may be fetched again. */
const expiryDelta = 30_000;
const unverified = "failed to verify id token signature";

/** Milliseconds since the epoch; `now` where the answer says nothing of it. */
export function expiryOf({ headers }: Fetched, now: number): number {
  const directives = new Map<string, string>();
  for (const directive of (headers["cache-control"] ?? "").split(",")) {
    const [name = "", value = ""] = directive.trim().toLowerCase().split("=", 2);
    directives.set(name, value.replaceAll('"', ""));
  }
  for (const name of ["s-maxage", "max-age"]) {
    const seconds = directives.get(name) ?? "";
    if (/^\d+$/.test(seconds)) return now + Number(seconds) * 1000;
  }
  const date = Date.parse(headers.date ?? "");
  const from = Number.isNaN(date) ? now : date;
  const expires = Date.parse(headers.expires ?? "");
  if (headers.expires && !Number.isNaN(expires)) return Math.max(now, now + expires - from);
  const modified = Date.parse(headers["last-modified"] ?? "");
  if (headers["last-modified"] && !Number.isNaN(modified)) return now + Math.max(0, Math.min((now - modified) * 0.1, 86_400_000));
  return now;
}

export class RemoteKeySet {
  readonly #options: RemoteKeySetOptions;
  #keys: readonly Jwk[] = [];
  #expiry = 0;
  #fetching: Promise<readonly Jwk[]> | undefined;

  constructor(options: RemoteKeySetOptions) {
    this.#options = options;
  }
  /** Rejects with ClaimError unless one of the keys made the signature. */
  async verify(jws: Jws): Promise<void> {
    const made = (key: Jwk): boolean => (jws.keyId === "" || key.id === jws.keyId) && isSignedBy(jws, key);
    if (this.#keys.some(made)) return;
    if (this.#options.clock.now() + expiryDelta <= this.#expiry) throw new ClaimError(unverified);
    let keys: readonly Jwk[];
    try {
      this.#fetching ??= this.#fetch().finally(() => {
        this.#fetching = undefined;
      });
      keys = await this.#fetching;
    } catch (error) {
      if (error instanceof ClaimError) throw new ClaimError(`fetching keys ${error.message}`);
      throw error;
    }
    if (!keys.some(made)) throw new ClaimError(unverified);
  }
  async #fetch(): Promise<readonly Jwk[]> {
    const { url, client, clock, signal, fetched } = this.#options;
    let text: string | undefined;
    try {
      const answer = await client.get(url, { signal }).catch((error: Error) => {
        throw new ClaimError(error.message.startsWith("unable to read") ? error.message : `oidc: get keys failed ${error.message}`);
      });
      text = answer.body.toString("utf8");
      if (answer.status !== 200) throw new ClaimError(`oidc: get keys failed: ${answer.statusLine} ${text}`);
      let keys: Jwk[];
      try {
        keys = keySetOf(parseJson(answer.body));
      } catch (error) {
        if (!(error instanceof ClaimError)) throw error;
        throw new ClaimError(`oidc: failed to decode keys: ${notJson(answer, error.message)} ${text}`);
      }
      this.#keys = keys;
      this.#expiry = expiryOf(answer, clock.now());
      if (!signal.aborted) fetched?.(text);
      return keys;
    } catch (error) {
      if (!signal.aborted) fetched?.(undefined);
      throw error;
    }
  }
}
