/**
 * Service account tokens that somebody else signs, who listens on a unix socket and has the keys (KEP-740,
 * pkg/serviceaccount/externaljwt/plugin). Messages are upstream's.
 */
import { createPublicKey, type KeyObject } from "node:crypto";
import { parseJSON } from "../../../api/codec/json.ts";
import { goQuote } from "../../../api/go-quote.ts";
import { formatDuration } from "../../../api/time.ts";
import type { Clock } from "../../../base/clock.ts";
import { type CallOptions, connectGrpc, type GrpcClient } from "../../../base/grpc/client.ts";
import { protocolOf } from "../../../base/grpc/protocol.ts";
import type { Logger } from "../../../base/logger.ts";
import type { KeySource, TokenSigner, VerificationKey } from "../service-account-keys.ts";
import { verificationKeyOf } from "../service-account-keys.ts";
import facts from "./facts.json" with { type: "json" };
import type { SignerSeries } from "./metrics.ts";
import type { ExternalJWTSignerMethods, FetchKeysResponse } from "./types.gen.ts";

export const externalSigner = protocolOf<ExternalJWTSignerMethods>(facts);

/** Milliseconds: for keys; for what the signer says of itself; until keys are fetched again where that failed. */
const keyPatience = 60_000;
const metadataPatience = 10_000;
const retryInterval = 10_000;
const longestKeyID = 1024;
/** Seconds: no token lives shorter. */
const shortestLife = 600;
const algorithms = new Set(["RS256", "ES256", "ES384", "ES512"]);

export interface ExternalSignerOptions {
  /** A path, or `@NAME` of an abstract socket. */
  endpoint: string;
  clock: Clock;
  logger: Logger;
  series: SignerSeries;
}

interface Keys {
  all: readonly VerificationKey[];
  /** Milliseconds since the epoch: of the data, and when they are to be fetched again. */
  dataTime: number;
  next: number;
}

/** It cannot be used; one sentence. */
export class SignerError extends Error {
  override name = "SignerError";
}

export class ExternalSigner implements TokenSigner, KeySource, AsyncDisposable {
  readonly #options: ExternalSignerOptions;
  readonly #client: GrpcClient<ExternalJWTSignerMethods>;
  readonly #stop = new AbortController();
  readonly #listeners: (() => void)[] = [];
  #keys: Keys = { all: [], dataTime: Number.NaN, next: 0 };
  #fetching?: Promise<void>;
  #following: Promise<void> = Promise.resolve();
  #maxTokenSeconds = 0;

  private constructor(options: ExternalSignerOptions) {
    this.#options = options;
    const { endpoint } = options;
    this.#client = connectGrpc(endpoint.startsWith("@") ? `unix-abstract:${endpoint.slice(1)}` : endpoint, externalSigner, options.clock);
  }
  /** Resolves when its keys are known. Rejects with SignerError. */
  static async open(options: ExternalSignerOptions): Promise<ExternalSigner> {
    const signer = new ExternalSigner(options);
    try {
      await signer.#fetch(keyPatience).catch((error: Error) => {
        throw new SignerError(`while setting up external-jwt-signer: while initially filling key cache: while performing initial cache fill: ${error.message}`);
      });
      const { maxTokenExpirationSeconds: seconds } = await signer.#call("Metadata", {}, metadataPatience).catch((error: Error) => {
        throw new SignerError(`while setting up external-jwt-signer: ${error.message}`);
      });
      if (seconds < shortestLife)
        throw new SignerError(`max token life supported by external-jwt-signer (${seconds}s) is less than acceptable (min ${shortestLife}s)`);
      signer.#maxTokenSeconds = seconds;
    } catch (error) {
      await signer[Symbol.asyncDispose]();
      throw error;
    }
    signer.#following = signer.#follow();
    return signer;
  }

  /** Seconds that a token may live. */
  get maxTokenSeconds(): number {
    return this.#maxTokenSeconds;
  }
  /** Seconds that a token may live when `wanted` are what the flag says, 0: nothing. Throws SignerError. */
  longest(wanted: number): number {
    const most = this.maxTokenSeconds;
    if (wanted > most)
      throw new SignerError(
        `service-account-max-token-expiration cannot be set longer than the token expiration supported by service-account-signing-endpoint: ${formatDuration(wanted * 1000)} > ${formatDuration(most * 1000)}`,
      );
    return wanted || most;
  }

  /** A compact JWS. Rejects with an Error that says why there is none. */
  async sign(claims: object): Promise<string> {
    const { series } = this.#options;
    try {
      const token = await this.#signed(Buffer.from(JSON.stringify(claims)).toString("base64url"));
      series.signed();
      return token;
    } catch (error) {
      series.signed(error as Error);
      throw error;
    }
  }
  async #signed(payload: string): Promise<string> {
    const wrapped =
      (what: string) =>
      (cause: Error): never => {
        throw new Error(`while ${what}: ${cause.message}`, { cause });
      };
    const { header, signature } = await this.#call("Sign", { claims: payload }).catch(wrapped("signing jwt"));
    await this.#checkHeader(header).catch(wrapped("validating header"));
    if (!signature) throw new Error("empty signature returned");
    return `${header}.${payload}.${signature}`;
  }
  async #checkHeader(encoded: string): Promise<void> {
    const { alg, kid, typ } = headerOf(encoded);
    if (typ !== "JWT") throw new Error("bad type");
    if (!kid) throw new Error("key id missing");
    if (Buffer.byteLength(kid) > longestKeyID) throw new Error("key id longer than 1 kb");
    if (!algorithms.has(alg)) throw new Error(`bad signing algorithm ${goQuote(alg)}`);
    for (const key of await this.keysOf(kid))
      if (key.unpublished) throw new Error(`key used for signing JWT (kid: ${kid}) is excluded from OIDC discovery docs`);
  }

  get all(): readonly VerificationKey[] {
    return this.#keys.all;
  }
  get maxAgeSeconds(): number {
    return Math.max(0, Math.trunc((this.#keys.next - this.#options.clock.now()) / 1000));
  }
  /** Those of that name, after they were fetched again where there is none. */
  keysOf(id: string | undefined): readonly VerificationKey[] | Promise<readonly VerificationKey[]> {
    const found = this.#find(id);
    return found.length ? found : this.#fetchedFor(id);
  }
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }
  #find(id: string | undefined): readonly VerificationKey[] {
    return id ? this.#keys.all.filter((key) => key.id === id) : this.#keys.all;
  }
  async #fetchedFor(id: string | undefined): Promise<readonly VerificationKey[]> {
    const { logger } = this.#options;
    try {
      await this.#fetch();
    } catch (error) {
      logger.error("Error while syncing keys", { error });
      return [];
    }
    const found = this.#find(id);
    if (!found.length) logger.error(`Key id ${goQuote(id ?? "")} not found after refresh`);
    return found;
  }

  async #follow(): Promise<void> {
    const { clock, logger } = this.#options;
    const { signal } = this.#stop;
    let delay = this.#keys.next - clock.now();
    while (!signal.aborted) {
      await clock.sleep(Math.max(0, delay), signal).catch(() => undefined);
      if (signal.aborted) return;
      try {
        await this.#fetch(keyPatience);
        delay = this.#keys.next - clock.now();
      } catch (error) {
        if (!signal.aborted) logger.error("when syncing supported public keys(Stale set of keys will be supported)", { error });
        delay = retryInterval;
      }
    }
  }
  /** Once at a time: who asks meanwhile waits for the same answer. */
  #fetch(timeout?: number): Promise<void> {
    this.#fetching ??= this.#fetchNow(timeout).finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }
  async #fetchNow(timeout?: number): Promise<void> {
    const { clock, series } = this.#options;
    let keys: Keys;
    try {
      const answer = await this.#call("FetchKeys", {}, timeout).catch((cause: Error) => {
        throw new Error(`while getting externally supported jwt signing keys: ${cause.message}`, { cause });
      });
      keys = keysOfAnswer(answer, clock.now());
    } catch (error) {
      series.fetched({ error: error as Error });
      throw new Error(`while fetching token verification keys: ${(error as Error).message}`, { cause: error });
    }
    const former = this.#keys;
    this.#keys = keys;
    series.fetched({ dataTime: keys.dataTime / 1000 });
    if (differ(former, keys)) for (const listener of this.#listeners) listener();
  }

  async #call<M extends keyof ExternalJWTSignerMethods>(
    method: M,
    request: ExternalJWTSignerMethods[M]["request"],
    timeout?: number,
  ): Promise<ExternalJWTSignerMethods[M]["response"]> {
    const { clock, series } = this.#options;
    const began = clock.monotonic();
    const done = (error?: Error): void => series.called(externalSigner.method(method).path, (clock.monotonic() - began) / 1000, error);
    const options: CallOptions = { waitForReady: true, signal: this.#stop.signal, ...(timeout === undefined ? {} : { timeout }) };
    try {
      const answer = await this.#client.call(method, request as never, options);
      done();
      return answer as ExternalJWTSignerMethods[M]["response"];
    } catch (error) {
      done(error as Error);
      throw error;
    }
  }

  /** Calls under way are cancelled. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("the signer is closed"));
    await this.#following;
    await this.#client[Symbol.asyncDispose]();
  }
}

const headerFields = new Set(["alg", "kid", "typ"]);
const headerType = String.raw`struct { Algorithm string "json:\"alg,omitempty\""; KeyID string "json:\"kid,omitempty\""; Type string "json:\"typ,omitempty\"" }`;

/** As Go calls it. */
const kindOf = (value: unknown): string =>
  Array.isArray(value) ? "array" : value === null ? "null" : typeof value === "boolean" ? "bool" : typeof value === "object" ? "object" : typeof value;

function headerOf(encoded: string): { alg: string; kid: string; typ: string } {
  const illegal = /[^\w-]/.exec(encoded)?.index ?? (encoded.length % 4 === 1 ? encoded.length - 1 : -1);
  if (illegal >= 0) throw new Error(`while unwrapping header: illegal base64 data at input byte ${illegal}`);
  const wrong = (why: string): Error => new Error(`while parsing header JSON: ${why}`);
  const text = Buffer.from(encoded, "base64url").toString("utf8");
  if (!text.trim()) throw wrong("EOF");
  let value: unknown;
  try {
    ({ value } = parseJSON(text));
  } catch (error) {
    const { message } = error as Error;
    throw wrong(message === "unexpected end of JSON input" ? "unexpected EOF" : message);
  }
  const said = { alg: "", kid: "", typ: "" };
  if (value === null) return said;
  if (kindOf(value) !== "object") throw wrong(`json: cannot unmarshal ${kindOf(value)} into Go value of type ${headerType}`);
  for (const [name, field] of Object.entries(value as object)) {
    const known = name.toLowerCase();
    if (!headerFields.has(known)) throw wrong(`json: unknown field ${goQuote(name)}`);
    if (field === null) continue;
    if (typeof field !== "string") throw wrong(`json: cannot unmarshal ${kindOf(field)} into Go struct field .${known} of type string`);
    Object.assign(said, { [known]: field });
  }
  return said;
}

function keysOfAnswer({ keys, dataTimestamp, refreshHintSeconds }: FetchKeysResponse, now: number): Keys {
  if (refreshHintSeconds <= 0) throw new Error(`found invalid refresh hint (${refreshHintSeconds}s)`);
  if (!keys.length) throw new Error("found no keys");
  if (!dataTimestamp) throw new Error("invalid data timestamp: proto: invalid nil Timestamp");
  const all = keys.map(({ keyId, key, excludeFromOidcDiscovery }): VerificationKey => {
    if (!keyId || Buffer.byteLength(keyId) > longestKeyID) throw new Error(`found invalid public key id ${goQuote(keyId)}`);
    if (!key.length) throw new Error("found empty public key");
    let parsed: KeyObject;
    try {
      parsed = createPublicKey({ key: Buffer.from(key), format: "der", type: "spki" });
    } catch (error) {
      throw new Error(`while parsing external public keys: ${(error as Error).message}`);
    }
    const known = verificationKeyOf(parsed, keyId);
    return excludeFromOidcDiscovery ? { ...known, unpublished: true as const } : known;
  });
  return { all, dataTime: dataTimestamp.seconds * 1000 + dataTimestamp.nanos / 1e6, next: now + refreshHintSeconds * 1000 };
}

const differ = (one: Keys, other: Keys): boolean =>
  one.dataTime !== other.dataTime ||
  one.all.length !== other.all.length ||
  one.all.some(({ id, unpublished }, i) => other.all[i]?.id !== id || other.all[i]?.unpublished !== unpublished);
