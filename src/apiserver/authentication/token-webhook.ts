/**
 * A server outside is asked whom a token names: TokenReview, v1 or v1beta1, of authentication.k8s.io
 * (k8s.io/apiserver/plugin/pkg/authenticator/token/webhook). Errors are upstream's.
 */
import { decodeJSON } from "../../api/codec/decode.ts";
import { DecodeError } from "../../api/codec/decode-error.ts";
import { encodeJSONString, parseJSON } from "../../api/codec/json.ts";
import { parseYAML } from "../../api/codec/yaml.ts";
import { groupVersionOf } from "../../api/group-version.ts";
import { goQuote } from "../../api/go-quote.ts";
import type { JSONValue } from "../../api/json.ts";
import { typeByName, typeOfKind } from "../../api/schema/schema.ts";
import { StatusError } from "../../api/status.ts";
import type { TokenReview } from "../../api/types/authentication-v1.gen.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Random } from "../../base/random.ts";
import { withBackoff } from "../outside/backoff.ts";
import type { KubeconfigTarget } from "../outside/kubeconfig.ts";
import { KubeconfigWebhook } from "../outside/kubeconfig-webhook.ts";
import { type Answer, type OutgoingSeries, Unreachable } from "../outside/post.ts";
import { type TokenAnswer, type TokenAuthenticator, TokenError } from "./authenticator.ts";

export const tokenReviewVersions = ["v1", "v1beta1"] as const;
export type TokenReviewVersion = (typeof tokenReviewVersions)[number];

export interface TokenWebhookOptions {
  target: KubeconfigTarget;
  version: TokenReviewVersion;
  /** The API server's own: what a token is good for when the answer does not say. */
  audiences: readonly string[];
  clock: Clock;
  random: Random;
  logger: Logger;
  outgoing?: OutgoingSeries;
}

/** Milliseconds for an answer, and for all attempts together. */
const timeout = 30_000;

const group = "authentication.k8s.io";
const reviewType = typeByName("authentication/v1.TokenReview");

const unknownHead = "couldn't get version/kind; json parse error: ";

/** What is no JSON may yet be YAML. Throws DecodeError. */
function readValue(text: string): JSONValue {
  if (!text.trimStart().startsWith("{")) return parseYAML(text).value;
  try {
    return parseJSON(text).value;
  } catch (error) {
    throw error instanceof DecodeError ? new DecodeError(unknownHead + error.message) : error;
  }
}

/** Throws DecodeError. */
function reviewOf({ body, status, contentType }: Answer, version: TokenReviewVersion): TokenReview {
  const apiVersion = `${group}/${version}`;
  if (!body.length) throw new DecodeError(`0-length response with status code: ${status} and content type: ${contentType}`);
  const value = readValue(body.toString("utf8"));
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    const found = value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
    const wanted = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';
    throw new DecodeError(`${unknownHead}json: cannot unmarshal ${found} into Go value of type ${wanted}`);
  }
  const kind = String(value.kind || "TokenReview");
  const its = String(value.apiVersion || apiVersion);
  if (kind !== "TokenReview" || its !== apiVersion)
    throw new DecodeError(
      typeOfKind(its, kind)
        ? `converting (${groupVersionOf(its).version}.${kind}) to (${version}.TokenReview): unknown conversion`
        : `no kind ${goQuote(kind)} is registered for version ${goQuote(its)} in scheme "pkg/runtime/scheme.go:111"`,
    );
  return decodeJSON(encodeJSONString(value), reviewType).object as unknown as TokenReview;
}

export class TokenWebhook implements TokenAuthenticator, Disposable {
  readonly #options: TokenWebhookOptions;
  readonly #webhook: KubeconfigWebhook;
  readonly #stop = new AbortController();

  constructor(options: TokenWebhookOptions) {
    this.#options = options;
    this.#webhook = new KubeconfigWebhook({ target: options.target, clock: options.clock, timeout, outgoing: options.outgoing });
  }

  async authenticateToken(token: string, audiences: readonly string[]): Promise<TokenAnswer> {
    const { status } = await this.#ask(token, audiences).catch((error: unknown) => {
      if (!(error instanceof StatusError || error instanceof Unreachable || error instanceof DecodeError)) throw error;
      this.#options.logger.error("Failed to make webhook authenticator request", { error });
      throw new TokenError(error.message);
    });
    const own = status?.audiences?.length ? status.audiences : this.#options.audiences;
    const good = audiences.filter((audience) => own.includes(audience));
    if (!good.length) return undefined;
    if (!status?.authenticated) {
      if (status?.error) throw new TokenError(status.error);
      return undefined;
    }
    const { username = "", uid, groups, extra } = status.user ?? {};
    return { user: { name: username, ...(uid ? { uid } : {}), groups: groups ?? [], ...(extra ? { extra } : {}) }, audiences: good };
  }

  async #ask(token: string, audiences: readonly string[]): Promise<TokenReview> {
    const { version, clock, random } = this.#options;
    const question = { kind: "TokenReview", apiVersion: `${group}/${version}`, metadata: {}, spec: { token, audiences }, status: { user: {} } };
    const body = Buffer.from(JSON.stringify(question));
    const late = new AbortController();
    const timer = clock.after(timeout, () => late.abort());
    const signal = AbortSignal.any([late.signal, this.#stop.signal]);
    try {
      return await withBackoff(async () => reviewOf(await this.#webhook.ask(body, signal), version), { clock, random, signal });
    } finally {
      timer.cancel();
    }
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
    this.#webhook[Symbol.dispose]();
  }
}
