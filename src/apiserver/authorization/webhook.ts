/**
 * Asks a webhook who may do what, with a SubjectAccessReview (k8s.io/apiserver/plugin/pkg/authorizer/webhook/webhook.go). Answers
 * are kept for a while; a webhook that fails says what its settings say for that.
 */
import { DecodeError } from "../../api/codec/decode-error.ts";
import { encodeJSON } from "../../api/codec/json.ts";
import { goQuote } from "../../api/go-quote.ts";
import { type TypeDef, typeOfKind } from "../../api/schema/schema.ts";
import { StatusError } from "../../api/status.ts";
import type { SubjectAccessReview, SubjectAccessReviewSpec, SubjectAccessReviewStatus } from "../../api/types/authorization-v1.gen.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Random } from "../../base/random.ts";
import type { EvaluationResult, WebhookAuthorizerSeries } from "../metrics/authorization.ts";
import { withBackoff } from "../outside/backoff.ts";
import { decodeAnswer, UnreadableAnswer } from "../outside/decode-answer.ts";
import type { KubeconfigWebhook } from "../outside/kubeconfig-webhook.ts";
import { Unreachable } from "../outside/post.ts";
import type { Asking, AuthorizationAttributes, AuthorizationDecision, Authorizer, ListedRules, RuleResolver } from "./authorizer.ts";
import type { WebhookSettings } from "./configuration.ts";
import { reviewSpec } from "./subject-access-review.ts";

export interface WebhookAuthorizerOptions {
  readonly name: string;
  readonly settings: WebhookSettings;
  readonly webhook: Pick<KubeconfigWebhook, "ask">;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly series: WebhookAuthorizerSeries;
}

const maxKept = 8192;
/** Characters that whoever asks has chosen: longer questions are not kept. */
const maxControlled = 10_000;

const group = "authorization.k8s.io";
const kind = "SubjectAccessReview";

interface Kept {
  decision: AuthorizationDecision;
  until: number;
}

export class WebhookAuthorizer implements Authorizer, RuleResolver {
  readonly #options: WebhookAuthorizerOptions;
  /** The least recently used first. */
  readonly #answers = new Map<string, Kept>();

  constructor(options: WebhookAuthorizerOptions) {
    this.#options = options;
  }

  authorize(attributes: AuthorizationAttributes, asking?: Asking): AuthorizationDecision | Promise<AuthorizationDecision> {
    const spec = reviewSpec(attributes);
    const excluded = this.#excluded(spec);
    if (excluded) return excluded;
    const key = JSON.stringify(spec);
    return this.#kept(key) ?? this.#ask(spec, controlled(attributes) < maxControlled ? key : undefined, asking);
  }

  rulesOf(): ListedRules {
    return { resourceRules: [], nonResourceRules: [], incomplete: true, errors: ["webhook authorizer does not support user rule resolution"] };
  }

  #excluded(spec: SubjectAccessReviewSpec): AuthorizationDecision | undefined {
    const { name, settings, clock, series } = this.#options;
    if (!settings.conditions) return undefined;
    const began = clock.monotonic();
    const { matches, excluded, errors } = settings.conditions.evaluate(spec);
    series.conditionsEvaluated(name, (clock.monotonic() - began) / 1000);
    if (errors.length) series.conditionsFailed(name);
    if (excluded) {
      series.conditionsExcluded(name);
      return { decision: "no-opinion", reason: "" };
    }
    return matches ? undefined : { decision: settings.onError, reason: "", errors };
  }

  #kept(key: string): AuthorizationDecision | undefined {
    const found = this.#answers.get(key);
    if (!found) return undefined;
    this.#answers.delete(key);
    if (found.until <= this.#options.clock.monotonic()) return undefined;
    this.#answers.set(key, found);
    return found.decision;
  }
  #keep(key: string, decision: AuthorizationDecision, ttl: number): void {
    if (ttl <= 0) return;
    this.#answers.delete(key);
    this.#answers.set(key, { decision, until: this.#options.clock.monotonic() + ttl });
    if (this.#answers.size > maxKept) this.#answers.delete(this.#answers.keys().next().value as string);
  }

  async #ask(spec: SubjectAccessReviewSpec, key: string | undefined, asking: Asking | undefined): Promise<AuthorizationDecision> {
    const { name, settings, clock, random, logger, series } = this.#options;
    const signal = asking?.signal ?? new AbortController().signal;
    const body = encodeReview(spec, settings.version);
    let result: EvaluationResult = "error";
    const attempt = async (): Promise<SubjectAccessReviewStatus> => {
      const began = clock.monotonic();
      try {
        const status = readReview((await this.#options.webhook.ask(body, signal)).body, settings.version);
        result = "success";
        return status;
      } catch (error) {
        result = signal.aborted ? "canceled" : tookTooLong(error) ? "timeout" : "error";
        throw error;
      } finally {
        series.asked(name, result, (clock.monotonic() - began) / 1000);
      }
    };
    let status: SubjectAccessReviewStatus;
    try {
      status = await withBackoff(attempt, { clock, random, signal });
    } catch (error) {
      if (!(error instanceof StatusError || error instanceof Unreachable || error instanceof UnreadableAnswer)) throw error;
      logger.error("failed to make webhook authorizer request", { authorizer: name, error: error.message });
      if (settings.onError === "no-opinion" && !signal.aborted) series.failedOpen(name, result);
      return { decision: settings.onError, reason: "", errors: [error.message] };
    }
    const decision = decisionOf(status);
    if (key !== undefined) this.#keep(key, decision, status.allowed ? settings.authorizedTTL : settings.unauthorizedTTL);
    return decision;
  }
}

const tookTooLong = (error: unknown): boolean =>
  error instanceof Unreachable ? error.timedOut : error instanceof StatusError && (error.reason === "Timeout" || error.code === 504);

const controlled = ({ namespace, verb, group: of, version, resource, subresource, name, path }: AuthorizationAttributes): number =>
  namespace.length + verb.length + of.length + version.length + resource.length + subresource.length + name.length + path.length;

function decisionOf({ allowed, denied, reason = "" }: SubjectAccessReviewStatus): AuthorizationDecision {
  if (denied && allowed) return { decision: "deny", reason, errors: ["webhook subject access review returned both allow and deny response"] };
  return { decision: denied ? "deny" : allowed ? "allow" : "no-opinion", reason };
}

/** v1beta1 calls the groups "group". */
function encodeReview({ groups, ...rest }: SubjectAccessReviewSpec, version: WebhookSettings["version"]): Uint8Array {
  const spec = { ...rest, ...(groups ? { [version === "v1" ? "groups" : "group"]: groups } : {}) };
  return encodeJSON({ kind, apiVersion: `${group}/${version}`, metadata: {}, spec, status: { allowed: false } });
}

/** Throws UnreadableAnswer. */
function readReview(bytes: Uint8Array, version: WebhookSettings["version"]): SubjectAccessReviewStatus {
  const apiVersion = `${group}/${version}`;
  const type = typeOfKind(`${group}/v1`, kind) as TypeDef;
  const short = (given: string): string => given.slice(given.indexOf("/") + 1);
  const review = decodeAnswer<SubjectAccessReview>(bytes, (given, name) => {
    const [of, what] = [given || apiVersion, name || kind];
    if (of === apiVersion && what === kind) return type;
    if (typeOfKind(of, what) || (of === `${group}/v1beta1` && typeOfKind(`${group}/v1`, what)))
      throw new DecodeError(`converting (${short(of)}.${what}) to (${short(apiVersion)}.${kind}): unknown conversion`);
    throw new DecodeError(`no kind ${goQuote(what)} is registered for version ${goQuote(of)} in scheme "pkg/runtime/scheme.go:111"`);
  });
  return review.status ?? { allowed: false };
}
